"""Intents: what reading one message takes, by language: a mail of about 500 characters with one wish."""

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from bench.timing import fastest_us
from services.tickets.domain.intents import LexiconClassifier, lexicon_classifier
from services.tickets.domain.intents.folding import fold

RUNS, REPEATS = 9, 200
MAILS = {
    "en": "Hi there, I hope you are having a lovely week. My name is Carla and I have been buying from you for "
    "about three years now, mostly gifts for my nieces who adore your colouring books. On Friday I placed an order "
    "for the large wooden train set, number 88213, because one of them turns six on Sunday. The confirmation mail "
    "came at once, which was nice, but since then I have not heard a thing and the tracking page still says label "
    "created. Could you have a look and tell me when it will arrive? Many thanks in advance",
    "de": "Guten Tag, ich hoffe, es geht Ihnen gut. Mein Name ist Jana und ich kaufe seit ungefähr drei Jahren bei "
    "Ihnen ein, meistens Geschenke für meine Nichten, die Ihre Malbücher lieben. Am Freitag habe ich die große "
    "Holzeisenbahn bestellt, Nummer 88213, weil eine von ihnen am Sonntag sechs wird. Die Bestätigung kam sofort, "
    "das war schön, aber seitdem habe ich nichts mehr gehört. Könnten Sie bitte nachsehen und mir sagen, wann das "
    "Paket ankommt? Vielen Dank im Voraus und herzliche Grüße",
    "pl": "Dzień dobry, mam nadzieję, że wszystko u Państwa w porządku. Nazywam się Anna i od mniej więcej trzech "
    "lat kupuję u Was upominki dla siostrzenic, które uwielbiają Wasze kolorowanki. W piątek zamówiłam dużą "
    "drewnianą kolejkę, numer 88213, bo jedna z nich w niedzielę kończy sześć lat. Potwierdzenie przyszło od razu, "
    "to miłe, ale od tego czasu nic nie słyszałam i status się nie zmienia. Czy mogą Państwo sprawdzić i "
    "powiedzieć, kiedy dotrze paczka? Z góry dziękuję i pozdrawiam",
    "ja": "お世話になっております。三年ほど前から利用させていただいている山田と申します。いつも姪たちへの贈り物に塗"
    "り絵の本を選んでいて、とても喜ばれています。先週の金曜日に大きな木製の電車セットを注文しました。日曜日に一番上"
    "の姪が六歳になるので、それまでに渡したいと思っております。確認のメールはすぐに届いたのですが、その後は何も連絡"
    "がなく、配送状況のページもずっと変わらないままです。お忙しいところ恐れ入りますが、いつ頃届くか教えていただけま"
    "すでしょうか。",
    "fa": "سلام، امیدوارم حالتان خوب باشد. من حدود سه سال است که از فروشگاه شما خرید می‌کنم و بیشتر برای "
    "خواهرزاده‌هایم هدیه می‌گیرم که کتاب‌های رنگ‌آمیزی شما را خیلی دوست دارند. روز جمعه قطار چوبی بزرگ را سفارش "
    "دادم چون یکی از آن‌ها یکشنبه شش ساله می‌شود. ایمیل تایید همان لحظه آمد ولی از آن روز دیگر هیچ خبری نشده و "
    "صفحه رهگیری هنوز تغییر نکرده است. لطفا نگاه کنید و به من بگویید بسته کی می‌رسد.",
}


async def measure(given: Namespace) -> dict[str, Any]:
    """Microseconds of the fastest run, by language, told and not told; beside it folding alone, and the start."""
    begun = time.perf_counter()
    LexiconClassifier()
    compiled_ms = round((time.perf_counter() - begun) * 1e3)
    by_language = {language: _figures(text[:500], language) for language, text in MAILS.items()}
    return {"intents": {"compiled_ms": compiled_ms, "us_per_message": by_language}}


def _figures(text: str, language: str) -> dict[str, float]:
    read = lexicon_classifier().classify
    return {
        "characters": len(text),
        "told": _us(lambda: read(text, subject=None, language=language)),
        "not_told": _us(lambda: read(text, subject=None, language=None)),
        "folding": _us(lambda: fold(text)),
    }


def _us(work: Callable[[], object]) -> float:
    return round(fastest_us(work, RUNS, repeats=REPEATS), 1)
