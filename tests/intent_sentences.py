"""Sentences as customers write them, and how often they are read right; writes the table of docs/intents.md."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.tickets.domain.intents import lexicon_classifier

FOLDER = Path(__file__).parent / "unit" / "intent_sentences"
PARTS = {
    "seen": "looked at while the lexicons were written",
    "held_out": "written before the lexicons, never tuned on, but by the same hand on the same day",
    "unseen": "written after the lexicons were closed, in words of other cases, never tuned on: the honest figure",
}
LANGUAGES = ("en", "nl", "pl", "de", "fr", "es", "pt", "ja", "zh", "fa")
NONE = "–"


@dataclass(frozen=True)
class Sentence:
    """What a customer wrote, what he wants, and whether he asks about a policy or about his order."""

    language: str
    text: str
    intent: str | None
    about: str | None


@dataclass
class Score:
    """How sentences were read: right, or not at all, or as something else; and policy or order, where that is asked."""

    right: int = 0
    silent: int = 0
    wrong: int = 0
    about_right: int = 0
    about: int = 0

    @property
    def all(self) -> int:
        return self.right + self.silent + self.wrong


def sentences(part: str, language: str) -> Iterator[Sentence]:
    """Those of a part in a language."""
    for line in (FOLDER / part / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        intent, about, text = line.split("\t")
        yield Sentence(language, text, None if intent == "-" else intent, None if about == "-" else about)


def score(given: list[Sentence], *, tell_language: bool = True) -> tuple[Score, Counter[tuple[str, str]]]:
    """How they are read, and what is taken for what."""
    result, taken = Score(), Counter[tuple[str, str]]()
    for one in given:
        read = lexicon_classifier().classify(one.text, subject=None, language=one.language if tell_language else None)
        taken[one.intent or NONE, read.intent or NONE] += 1
        result.right += read.intent == one.intent
        result.silent += read.intent is None and one.intent is not None
        result.wrong += read.intent is not None and read.intent != one.intent
        if one.about is not None and read.intent == one.intent:
            result.about += 1
            result.about_right += read.about == one.about
    return result, taken


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" + (f" ({round(100 * part / whole)} %)" if whole else "")


def _by_language() -> Iterator[str]:
    for part, what in PARTS.items():
        yield f"\n### `{part}`: {what}\n"
        yield "| language | right | no intent found | wrong | policy or order, of the right ones |"
        yield "|---|---|---|---|---|"
        whole: list[Sentence] = []
        for language in LANGUAGES:
            given = list(sentences(part, language))
            whole += given
            yield _row(language, score(given)[0])
        yield _row("all", score(whole)[0])
        yield _row("all, language not told", score(whole, tell_language=False)[0])


def _row(name: str, one: Score) -> str:
    cells = (name, _share(one.right, one.all), str(one.silent), str(one.wrong), _share(one.about_right, one.about))
    return f"| {' | '.join(cells)} |"


def _confusions() -> Iterator[str]:
    taken = Counter[tuple[str, str]]()
    for part in ("held_out", "unseen"):
        taken += score([one for language in LANGUAGES for one in sentences(part, language)])[1]
    yield "\n## What is taken for what (`held_out` and `unseen`)\n"
    yield "| intent | sentences | read right | not found | taken for |"
    yield "|---|---|---|---|---|"
    for intent in sorted({want for want, _ in taken}):
        all_ = sum(count for (want, _), count in taken.items() if want == intent)
        others = sorted((got, n) for (want, got), n in taken.items() if want == intent and got not in (intent, NONE))
        named = ", ".join(f"{got} {n}" for got, n in others) or NONE
        missed = taken[intent, NONE] if intent != NONE else 0
        yield f"| {intent} | {all_} | {taken[intent, intent]} | {missed} | {named} |"


def document() -> str:
    """docs/intents.md."""
    head = (Path(__file__).parent.parent / "docs" / "intents.head.md").read_text(encoding="utf-8").rstrip()
    return "\n".join((head, *_by_language(), *_confusions())) + "\n"


if __name__ == "__main__":
    print(document(), end="")
