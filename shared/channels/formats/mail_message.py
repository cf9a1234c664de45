"""What a mail becomes on the desk: a message, and receipts where it reports on one of ours."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from shared.channels.base import AccountContext, File, Parsed, Received, fitted
from shared.channels.formats import dsn, mail_copies, mail_files, quotes
from shared.channels.formats.mail import HEADER_MAX, Mail
from shared.channels.formats.mail_automatic import automatic
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.inbound_receipts import Receipt, ReceiptReceived
from shared.errors import Invalid

MAX_FILES = 200
QUOTED_INLINE_BYTES = 128 * 1024
"""What was quoted is kept in the record up to here (as JSON), beyond as a file."""
QUOTED_BEGINNING_CHARS = 16_000
_FORWARDED = re.compile(
    r"\s{0,4}(?:fwd?|wg|tr|rv|enc|i|pd|vs|vb|doorst|reenv?|转发|轉寄|転送|هدایت)\s{0,2}[:：]", re.IGNORECASE
)
"""Subjects of forwarded mails: what stands in them is what the sender wants to show."""
_TOKEN = re.compile(r"\+t([a-z2-7]{42})@", re.IGNORECASE)
_OURS = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})@([^@\s]+)", re.IGNORECASE)
OUR_HEADERS = ("x-switchboard-message", "x-pm-metadata-message")
"""Headers of mails that we send, which hold our id of the message."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """How a mail came in: over which account, when, named how by the provider, and to whom on the envelope."""

    channel: str
    account: AccountContext
    at: datetime
    provider_id: str
    """The provider's id of the mail, the same at each try; where it has none, one made from all bytes of the request:
    it serves only where the mail does not say itself which one it is."""
    stable: bool = False
    """Whether the provider's id is the mail's own, and not one of this delivery."""
    envelope: tuple[str, ...] = ()
    ours: tuple[str, ...] | None = None
    """Addresses of ours that it came to; None: those of the envelope."""
    elsewhere: tuple[Attachment, ...] = ()
    """Files that the provider kept and only names."""


def parsed(mail: Mail, arrived: Arrived, *, stripped: str = "") -> Parsed:
    """The message and what it reports; `stripped` is the reply as the provider cut it out.

    Raises Invalid where nobody knows whom it is from.
    """
    if _is_ours(mail, arrived.account):
        return Parsed(ignored="own-mail")
    receipts = _receipts(mail, arrived)
    if receipts and receipts[0].state == "read":
        return Parsed(receipts=receipts)
    if not mail.sender:
        raise Invalid("the mail names no address that it came from", reason="no_sender")
    if len(mail.files) > MAX_FILES:
        raise Invalid(f"the mail has more than {MAX_FILES} attachments", reason="too_many_parts")
    return Parsed((_received(mail, arrived, stripped),), receipts)


def _received(mail: Mail, arrived: Arrived, stripped: str) -> Received:
    kind = automatic(mail)
    visible, quoted = _split(mail, stripped) if kind in (None, "auto-reply") else (mail.text, "")
    files, left_out = mail_files.kept(mail.files)
    text, whole = fitted("\n\n".join(filter(None, (visible, "\n".join(left_out)))))
    shown, quote_files = _quoted(quoted)
    message = MessageReceived(
        channel=arrived.channel,
        account=arrived.account.id,
        natural_id=arrived.provider_id if arrived.stable else mail.identity or arrived.provider_id,
        sender=Sender(kind="email", value=mail.sender, name=mail.sender_name or None),
        copied=mail_copies.copied(mail, _ours(arrived)) or None,
        thread=mail.thread,
        reply_token=reply_token((*arrived.envelope, *mail.recipients)),
        references=_references(mail),
        message_id=mail.message_id or None,
        subject=mail.subject or None,
        text=text,
        quoted=shown,
        attachments=arrived.elsewhere,
        automatic=kind,
        provider_time=mail.sent_at,
        accepted_at=arrived.at,
        content_key=mail.content_key if mail.message_id or mail.sent_at else None,
    )
    return Received(message, files=(*files, *quote_files), long_text=whole)


def _ours(arrived: Arrived) -> tuple[str, ...]:
    """The account's own addresses, by its options and by where the mail was delivered."""
    options = arrived.account.options
    named = [one for name in ("from", "reply_to", "addresses") for one in options.get(name, "").split(",")]
    return (*named, *(arrived.envelope if arrived.ours is None else arrived.ours))


def _references(mail: Mail) -> tuple[str, ...]:
    """The Message-IDs it answers; a report names the mail it is about in its parts only."""
    said = dsn.report(mail)
    named = mail.references
    return (*named, said.about) if said and said.about and said.about not in named else named


def _split(mail: Mail, stripped: str) -> tuple[str, str]:
    """What the sender wrote, and the rest. The provider's cut serves where ours is not sure of one."""
    if _FORWARDED.match(mail.subject):
        return mail.text, ""
    if mail.plain:
        visible = quotes.visible_text(mail.text, signatures=True)
    else:
        visible = quotes.visible_html(mail.html, whole=mail.text, signatures=True)
    if stripped and visible.strip() == mail.text:
        visible = stripped
    return visible, _rest(mail.text, visible)


def _rest(text: str, visible: str) -> str:
    """What was cut: behind the visible part where it stands at the beginning, else the whole text."""
    return text[len(visible) :].strip() if text.startswith(visible) else text


def _quoted(quoted: str) -> tuple[str | None, tuple[File, ...]]:
    """What was quoted, for the record, and as a file where it is too long for one."""
    if len(quoted) * 6 <= QUOTED_INLINE_BYTES or len(orjson.dumps(quoted)) <= QUOTED_INLINE_BYTES:
        return quoted or None, ()
    return quoted[:QUOTED_BEGINNING_CHARS], (File("quoted.txt", "text/plain", quoted.encode()),)


def reply_token(addresses: Iterable[str]) -> str | None:
    """The token in an address of ours that the mail went to."""
    for address in addresses:
        found = _TOKEN.search(address[: 2 * HEADER_MAX])
        if found:
            return found[1].lower()
    return None


# --- what it says of mails of ours ----------------------------------------------------------------------------------


def sent_id(message_id: str) -> str | None:
    """The id that we gave a mail of ours, from its Message-ID; None where it is not ours."""
    found = _OURS.fullmatch(message_id.strip().strip("<>"))
    return str(UUID(found[1])) if found else None


def _is_ours(mail: Mail, account: AccountContext) -> bool:
    """A mail that this account sent and that came back to it, over a list or a redirection."""
    ours = account.options.get("from", "").strip().lower()
    if not ours:
        return False
    found = _OURS.fullmatch(mail.message_id)
    if found and found[2].lower() == ours.rpartition("@")[2]:
        return True
    return mail.sender == ours and any(mail.header(name) for name in OUR_HEADERS)


def _receipts(mail: Mail, arrived: Arrived) -> tuple[ReceiptReceived, ...]:
    """What the mail says became of one of ours; a delay is nothing yet."""
    said = dsn.report(mail)
    id_ = sent_id(said.about) if said else None
    if said is None or id_ is None:
        return ()
    told = _state(said)
    if told is None:
        return ()
    state, reason = told
    receipt = ReceiptReceived(
        channel=arrived.channel,
        account=arrived.account.id,
        provider_id=id_,
        state=state,
        at=mail.sent_at or arrived.at,
        reason=reason,
        accepted_at=arrived.at,
    )
    return (receipt,)


def _state(said: dsn.Report) -> tuple[Receipt, str | None] | None:
    if said.failed is not None and said.kind == "delivery":
        return "failed", said.failed.reason
    if said.kind == "delivery":
        return ("delivered", None) if said.arrived else None
    return ("read", None) if said.displayed else None
