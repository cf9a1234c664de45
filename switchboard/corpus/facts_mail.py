"""Facts of mail: what stands in its headers, words and files, and what it reports."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import getaddresses
from typing import Any

from shared.channels.base import File, Parsed, Received
from shared.channels.formats import dsn
from shared.channels.formats.mail import Mail
from shared.contracts.inbound_messages import MessageReceived
from switchboard.corpus.agreement import (
    NOT_OURS,
    Agreement,
    Comparison,
    Facts,
    Found,
    moment,
    spaced,
    squeezed,
    unbracketed,
)
from switchboard.corpus.facts_chats import text_of

_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Told:
    """A message, and the mail it was made of where the payload is nothing but the mail."""

    received: Received
    mail: Mail | None = None

    @property
    def message(self) -> MessageReceived:
        """The event."""
        return self.received.message

    @property
    def texts(self) -> list[str]:
        """What may stand for the mail's words: what is shown, what was cut from it, and all there is."""
        return [text_of(self.received), self.message.quoted or "", *([self.mail.text] if self.mail else [])]

    @property
    def files(self) -> list[File]:
        """All files, without their bytes where the provider keeps them."""
        stored = (File(file.name, file.media_type, b"") for file in self.message.attachments)
        return [*self.received.files, *stored]


def _mail(read: Callable[[Mail, Any], Found], key: str) -> Comparison[Told]:
    """A fact that only the mail itself answers to."""
    return lambda told, fact: read(told.mail, fact[key]) if told.mail is not None else NOT_OURS


def _addresses(header: str) -> Callable[[Mail, Any], Found]:
    def read(mail: Mail, wanted: Any) -> Found:
        return (sorted(str(one).lower() for one in wanted), _listed(mail, header))

    return read


def _listed(mail: Mail, header: str) -> list[str]:
    return sorted(address.lower() for _, address in getaddresses([mail.header(header)]) if address)


def _date(told: Told, wanted: Any) -> Found | object:
    at = moment(wanted)
    return (at, told.message.provider_time) if at else NOT_OURS


def _text(told: Told, fact: Facts) -> Found | object:
    """All words; a reply was cut in two, so both parts together will do. Of HTML alone we make a text ourselves."""
    wanted, (shown, cut, *_) = spaced(fact["text"]), told.texts
    if not wanted and shown:
        return ("", spaced(told.mail.text) if told.mail.plain else "") if told.mail else NOT_OURS
    if wanted in map(spaced, told.texts) or squeezed(wanted) in (squeezed(shown + cut), squeezed(cut + shown)):
        return (wanted, wanted)
    return (wanted, spaced(shown))


def _parts(key: str, wholes: Callable[[Told], list[str]]) -> Comparison[Told]:
    """Parts that all stand somewhere in a whole."""

    def compare(told: Told, fact: Facts) -> Found | object:
        parts = [fact[key]] if isinstance(fact[key], str) else fact[key]
        texts = [spaced(text) for text in wholes(told)]
        return ([], [part for part in parts if not any(spaced(part) in text for text in texts)])

    return lambda told, fact: compare(told, fact) if wholes(told) else NOT_OURS


def _named(key: str) -> Comparison[Told]:
    """Files that must be among ours; the facts name them, or say more of them."""

    def compare(told: Told, fact: Facts) -> Found:
        return ([], [one for one in fact[key] if not any(_is_file(one, file) for file in told.files)])

    return compare


def _is_file(wanted: Any, file: File) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == file.name)
    kind = str(wanted.get("content_type") or file.media_type)
    text = wanted.get("text")
    return (
        wanted.get("filename", file.name) == file.name
        and kind.partition(";")[0].lower() == file.media_type
        and (text is None or spaced(text) == spaced(file.content.decode("utf-8", "replace")))
    )


def _count(told: Told, fact: Facts) -> Found:
    found = len(told.mail.files) if told.mail else len(told.files)
    return (fact["attachment_count"] + (fact.get("inline_count") or 0), found)


def _subject(told: Told, fact: Facts) -> Found:
    return (spaced(fact["subject"])[:1000], spaced(told.message.subject))


def _either_subject(told: Told, fact: Facts) -> Found:
    """Form and headers may name different ones."""
    given = [spaced(fact[name]) for name in ("form_subject", "header_subject") if name in fact]
    found = spaced(told.message.subject)
    return (given[0], given[0] if found in given else found)


def _about(told: Told, fact: Facts) -> Found | object:
    """A conversation begins with the mail's own id where it answers none."""
    id_ = unbracketed(fact["message_id"] or "")
    if not id_:
        return NOT_OURS
    known = {told.message.thread, told.message.natural_id, told.mail.message_id if told.mail else None}
    return (id_, id_ if id_ in known else told.message.thread)


def _event_id(told: Told, fact: Facts) -> Found | object:
    """Most mails are known by a digest of what they say of themselves, some by the provider's id."""
    if _DIGEST.fullmatch(told.message.natural_id):
        return NOT_OURS
    return (fact["event_id"], told.message.natural_id)


# --- reports --------------------------------------------------------------------------------------------------------


def _recipients(mail: Mail) -> list[dict[str, str]]:
    said = dsn.report(mail)
    return [
        {"action": one.action, "status": one.status, "diagnostic": one.diagnostic}
        | {"original_recipient": one.original, "final_recipient": one.final}
        for one in (said.recipients if said else ())
    ]


def _reported(mail: Mail, wanted: Any) -> Found:
    one = wanted if isinstance(wanted, list) else [wanted]
    found = _recipients(mail)[: len(one)]
    return (one, [{key: got.get(key) for key in want} for want, got in zip(one, found, strict=False)])


def _automatic(*kinds: str) -> Comparison[Told]:
    key = "is_bounce" if kinds == ("bounce",) else "is_delivery_report"
    return lambda told, fact: (bool(fact[key]), told.message.automatic in kinds)


TABLE: Mapping[str, Comparison[Told]] = {
    "from": lambda told, fact: (fact["from"].lower(), told.message.sender.value) if fact["from"] else NOT_OURS,
    "from_name": lambda told, fact: (spaced(fact["from_name"])[:200].strip(), spaced(told.message.sender.name)),
    "subject": _subject,
    "form_subject": _either_subject,
    "header_subject": lambda told, fact: NOT_OURS if "form_subject" in fact else _either_subject(told, fact),
    "date": lambda told, fact: _date(told, fact["date"]),
    "date_utc": lambda told, fact: _date(told, fact["date_utc"]),
    "message_id": _about,
    "text": _text,
    "stripped_text": lambda told, fact: (spaced(fact["stripped_text"]), spaced(text_of(told.received))),
    "text_contains": _parts("text_contains", lambda told: told.texts),
    "event_id": _event_id,
    "attachments": _named("attachments"),
    "inline": _named("inline"),
    "other_parts": _named("other_parts"),
    "attachment_count": _count,
    "is_bounce": _automatic("bounce"),
    "is_delivery_report": _automatic("bounce", "delivery-report"),
    "html": _mail(lambda mail, wanted: (spaced(wanted), spaced(mail.html)), "html"),
    "html_contains": _parts("html_contains", lambda told: [told.mail.html] if told.mail else []),
    "has_html": _mail(lambda mail, wanted: (wanted, bool(mail.html)), "has_html"),
    "has_text": _mail(lambda mail, wanted: (wanted, mail.plain and bool(mail.text)), "has_text"),
    "to": _mail(_addresses("to"), "to"),
    "cc": _mail(_addresses("cc"), "cc"),
    "bcc": _mail(_addresses("bcc"), "bcc"),
    "reply_to": _mail(_addresses("reply-to"), "reply_to"),
    "to_first": _mail(lambda mail, wanted: (True, wanted.lower() in _listed(mail, "to")), "to_first"),
    "to_count": _mail(lambda mail, wanted: (wanted, len(_listed(mail, "to"))), "to_count"),
    "auto_submitted": _mail(lambda mail, wanted: (wanted, mail.header("auto-submitted")), "auto_submitted"),
    "dsn": _mail(_reported, "dsn"),
    "dsn_recipients": _mail(_reported, "dsn_recipients"),
    "attachment_sha256": _mail(
        lambda mail, wanted: ([], sorted(set(wanted) - {hashlib.sha256(f.content).hexdigest() for f in mail.files})),
        "attachment_sha256",
    ),
    "embedded_subject": _mail(
        lambda mail, wanted: (True, any(f"Subject: {wanted}".encode() in file.content for file in mail.files)),
        "embedded_subject",
    ),
}


EVENTS: Mapping[str, str] = {
    "processed": "sent",
    "delivered": "delivered",
    "opened": "read",
    "open": "read",
    "dropped": "failed",
    "bounce": "failed",
    "bounced": "failed",
    "failed": "failed",
    "rejected": "failed",
}
"""What providers' words mean for a mail of ours."""


def mail(parsed: Parsed, facts: Facts, made_of: Mail | None = None) -> Agreement:
    """One mail is one message; a word about one of ours is a receipt."""
    result = Agreement()
    if parsed.received:
        result.hold(TABLE, Told(parsed.received[0], made_of), facts)
    elif parsed.receipts and facts.get("event") in EVENTS:
        result.same("event", {EVENTS[facts["event"]]}, {receipt.state for receipt in parsed.receipts})
        result.leave(*(name for name in facts if name != "event"))
    else:
        result.leave(*facts)
    return result
