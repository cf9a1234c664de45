"""A conversation as its customer may keep it: what he and the desk said, in plain text, in his language and zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

FSI, PDI = "\u2068", "\u2069"
"""What stands between them is laid out by itself, whichever way it runs (Unicode UAX #9, "Isolates")."""


@dataclass(frozen=True, slots=True)
class Words:
    """What a transcript says besides."""

    title: str
    customer: str
    file: str


WORDS = {
    "en": Words("Your conversation with {desk}", "You", "File"),
    "nl": Words("Uw gesprek met {desk}", "U", "Bestand"),
    "de": Words("Ihr Gespräch mit {desk}", "Sie", "Datei"),
    "fr": Words("Votre conversation avec {desk}", "Vous", "Fichier"),
    "es": Words("Su conversación con {desk}", "Usted", "Archivo"),
    "it": Words("La sua conversazione con {desk}", "Lei", "File"),
    "pt": Words("A sua conversa com {desk}", "Você", "Ficheiro"),
    "pl": Words("Twoja rozmowa z {desk}", "Ty", "Plik"),
    "tr": Words("{desk} ile görüşmeniz", "Siz", "Dosya"),
    "ar": Words("محادثتك مع {desk}", "أنت", "ملف"),
    "zh": Words("您与 {desk} 的对话", "您", "文件"),
    "ja": Words("{desk} との会話", "お客様", "ファイル"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message; `who` is a guest's name, None for the requester where `by_desk` is False."""

    at: datetime
    by_desk: bool
    who: str | None
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """For whom it is written."""

    desk: str
    subject: str | None
    language: str | None
    zone: ZoneInfo

    @property
    def words(self) -> Words:
        """In the language, English where we have no words in it."""
        return WORDS.get((self.language or "en").split("-")[0], WORDS["en"])


def author(line: Line, setting: Setting) -> str:
    """Who said it, as the customer knows him: agents speak for the desk."""
    return setting.desk if line.by_desk else line.who or setting.words.customer


def moment(at: datetime, zone: ZoneInfo) -> str:
    """The day and minute on the zone's clock, with its distance from UTC."""
    local = at.astimezone(zone)
    offset = local.strftime("%z")
    return f"{local:%Y-%m-%d %H:%M} (UTC{offset[:3]}:{offset[3:5]})"


def written(lines: Sequence[Line], setting: Setting) -> str:
    """The whole as plain text; names and texts keep their own direction beside each other."""
    words = setting.words
    head = words.title.format(desk=_apart(setting.desk))
    about = [_apart(setting.subject)] if setting.subject else []
    parts = ["\n".join([head, *about])]
    for line in lines:
        files = [f"[{words.file}: {_apart(name)}]" for name in line.files]
        said = [_apart(line.text)] if line.text else []
        parts.append("\n".join([f"{moment(line.at, setting.zone)} – {_apart(author(line, setting))}", *said, *files]))
    return "\n\n".join(parts) + "\n"


def _apart(text: str) -> str:
    """Isolated from what stands around it; an isolate that the text leaves open ends with it."""
    missing = max(0, sum(text.count(opening) for opening in "\u2066\u2067\u2068") - text.count(PDI))
    return "\n".join(f"{FSI}{part}{PDI}" for part in (text + PDI * missing).split("\n"))
