"""An answer as a mail (RFC 5322): the same answer gives the same bytes, so that a mail seen twice is known for one.

The Date header is missing here, since what renders has no clock; whoever sends puts it in front.
"""

import html
import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from shared.channels.formats.mail import MAX_MESSAGE_ID
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import email_address, one_line

MAX_REFERENCES = 20
LOCAL_MAX = 64
"""Characters before the @ (RFC 5321 §4.5.3.1.1)."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")
_POLICY = SMTP.clone(cte_type="7bit", max_line_length=900)
"""Ids of messages are longer than the usual line, and one that is folded within is an id no longer."""


def compose(answer: SendMessage, *, sender: str, name: str, metadata_header: str, reply_to: str = "") -> bytes:
    """The mail; `sender` is the address it comes from, `reply_to` one that its answers should come to.

    Raises Invalid where an address cannot stand in a header.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(sender, name)
    mail["To"] = _address(answer.recipient.value, answer.recipient.name or "")
    if reply_to:
        mail["Reply-To"] = _address(_with_token(reply_to, answer.reply_token), name)
    mail["Subject"] = _subject(answer.subject)
    mail["Message-ID"] = f"<{message_id(answer, sender)}>"
    referenced = _referenced(answer)
    if referenced:
        mail["In-Reply-To"] = f"<{referenced[-1]}>"
        mail["References"] = " ".join(f"<{id_}>" for id_ in referenced)
    if answer.automatic:
        mail["Auto-Submitted"] = "auto-replied"
    if answer.language:
        mail["Content-Language"] = answer.language
    mail[metadata_header] = str(answer.message)
    mail.set_content(answer.text)
    mail.add_alternative(_html(answer.text), subtype="html")
    for file in answer.attachments:
        _attach(mail, file)
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{answer.message.hex}.{number}")
    return mail.as_bytes()


def _attach(mail: EmailMessage, file: Attachment) -> None:
    """A file as a part; what cannot stand in a header is left out of its name and type."""
    main, _, sub = file.media_type.partition("/")
    known = _TOKEN.fullmatch(main) and _TOKEN.fullmatch(sub) and main not in ("multipart", "message")
    main, sub = (main, sub) if known else ("application", "octet-stream")
    name = one_line(file.name, 200) or "file"
    mail.add_attachment(file.content or b"", maintype=main, subtype=sub, filename=name)


def message_id(answer: SendMessage, sender: str) -> str:
    """Its Message-ID, without angle brackets."""
    return f"{answer.message}@{sender.rpartition('@')[2]}"


def _address(value: str, name: str) -> Address:
    if email_address(value) is None or not value.isascii():
        raise Invalid("the address is none that a mail can go to or come from", reason="bad-address")
    return Address(one_line(name, 200), addr_spec=value)


def _with_token(address: str, token: str | None) -> str:
    """The address with our token behind a plus (RFC 5233), where it has room for it."""
    local, _, domain = address.rpartition("@")
    tagged = f"{local}+t{token}"
    return f"{tagged}@{domain}" if token and len(tagged) <= LOCAL_MAX else address


def _subject(subject: str | None) -> str:
    """The customer's subject, marked once as an answer."""
    given = one_line(subject or "", 1000)
    return given if given.lower().startswith("re:") else f"Re: {given}".rstrip()


def _referenced(answer: SendMessage) -> list[str]:
    """Message-IDs of the conversation, oldest first; a provider's own ids of messages are none."""
    named = [answer.thread or "", *answer.in_reply_to]
    found = [id_ for id_ in dict.fromkeys(named) if "@" in id_ and id_.isascii() and len(id_) <= MAX_MESSAGE_ID]
    clean = [id_ for id_ in found if id_.isprintable() and not set(id_) & set("<> ")]
    return clean if len(clean) <= MAX_REFERENCES else [clean[0], *clean[1 - MAX_REFERENCES :]]


def _html(text: str) -> str:
    """The same words for readers of HTML; each paragraph finds its own direction."""
    paragraphs = html.escape(text.replace("\r\n", "\n")).split("\n\n")
    shown = "".join(f'<p dir="auto">{paragraph.replace(chr(10), "<br>")}</p>' for paragraph in paragraphs)
    return f"<!DOCTYPE html><html><body>{shown}</body></html>"
