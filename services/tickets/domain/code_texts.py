"""What a contact reads with a one-time code, in the customer's language."""

_TEXTS = {
    "en": "Your code is {code}. It is valid for 10 minutes. Give it only to the support team you are talking to.",
    "nl": "Uw code is {code}. De code is 10 minuten geldig. Geef hem alleen aan de klantenservice die u nu spreekt.",
    "de": "Ihr Code lautet {code}. Er gilt 10 Minuten. Geben Sie ihn nur dem Kundendienst, mit dem Sie sprechen.",
    "fr": "Votre code est {code}. Il est valable 10 minutes. Ne le donnez qu'au service client à qui vous parlez.",
    "es": "Su código es {code}. Es válido durante 10 minutos. Déselo solo al servicio de atención con el que habla.",
    "it": "Il suo codice è {code}. È valido per 10 minuti. Lo dia solo all'assistenza con cui sta parlando.",
    "pt": "O seu código é {code}. É válido por 10 minutos. Dê-o apenas ao apoio ao cliente com quem está a falar.",
    "pl": "Twój kod to {code}. Jest ważny przez 10 minut. Podaj go tylko obsłudze klienta, z którą rozmawiasz.",
    "tr": "Kodunuz {code}. 10 dakika geçerlidir. Yalnızca görüştüğünüz destek ekibine verin.",
    "zh": "您的验证码是 {code}，10 分钟内有效。请只告诉正在与您沟通的客服人员。",
    "ja": "認証コードは {code} です。10分間有効です。現在お話し中のサポート担当者にのみお伝えください。",
    "ar": "رمزك هو {code}. صالح لمدة 10 دقائق. لا تعطه إلا لفريق الدعم الذي تتحدث معه الآن.",
}
LANGUAGES = tuple(_TEXTS)
HIDDEN = "••••••"
"""What stands in place of the code wherever it is kept."""


def text(language: str | None, code: str) -> str:
    """The text in this language, else in English."""
    return _TEXTS.get((language or "en").split("-")[0], _TEXTS["en"]).format(code=code)
