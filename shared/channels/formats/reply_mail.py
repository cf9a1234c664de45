"""An answer as a mail (RFC 5322): the same answer gives the same bytes, so that a mail seen twice is known for one.

The Date header is missing here, since what renders has no clock; whoever sends puts it in front.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from shared.channels.formats import mail_html
from shared.channels.formats.mail import MAX_MESSAGE_ID
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import email_address, one_line

MAX_REFERENCES = 20
LOCAL_MAX = 64
"""Characters before the `@` (RFC 5321 §4.5.3.1.1); many servers refuse a longer one."""
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What every mail client shows by itself; other files, and those that may hold scripts, are attached."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")
_UNSUBSCRIBE = re.compile(r"https://[!-;=?-~]{3,900}", re.ASCII)
_CONTENT = SMTP.clone(cte_type="7bit", max_line_length=76)
"""Encoded lines are no longer (RFC 2045 §6.7, §6.8)."""
_WRITING = _CONTENT.clone(max_line_length=900)
"""Ids of messages are longer than the usual line, and one that is folded within is an id no longer."""


@dataclass(frozen=True, slots=True)
class From:
    """Who the account's mails come from; answers go to `reply_to` where it has one, with the ticket's token."""

    address: str
    name: str = ""
    reply_to: str = ""


def compose(answer: SendMessage, sender: From, *, metadata_header: str) -> bytes:
    """The mail. Raises Invalid where an address cannot stand in a header."""
    mail = EmailMessage(policy=_CONTENT)
    mail["From"] = _address(sender.address, sender.name)
    mail["To"] = _address(answer.recipient.value, answer.recipient.name or "")
    if answer.copies:
        mail["Cc"] = tuple(_address(one.value, one.name or "") for one in answer.copies)
    if sender.reply_to:
        mail["Reply-To"] = _address(with_token(sender.reply_to, answer.reply_token), sender.name)
    referenced = _referenced(answer)
    mail["Subject"] = _subject(answer.subject, reply=bool(referenced or answer.thread or answer.in_reply_to))
    mail["Message-ID"] = f"<{message_id(answer, sender.address)}>"
    if referenced:
        mail["In-Reply-To"] = f"<{referenced[-1]}>"
        mail["References"] = " ".join(f"<{id_}>" for id_ in referenced)
    if answer.automatic:
        mail["Auto-Submitted"] = "auto-replied" if answer.in_reply_to else "auto-generated"
    if answer.unsubscribe:
        _unsubscribing(mail, answer.unsubscribe)
    if answer.language:
        mail["Content-Language"] = answer.language
    mail[metadata_header] = str(answer.message)
    _content(mail, answer)
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{answer.message.hex}.{number}")
    return mail.as_bytes(policy=_WRITING)


def with_token(address: str, token: str | None) -> str:
    """The address with the ticket's token behind a plus (RFC 5233); without it where it has no room for that."""
    local, _, domain = address.rpartition("@")
    tagged = f"{local}+t{token}"
    return f"{tagged}@{domain}" if token and len(tagged) <= LOCAL_MAX else address


def _content(mail: EmailMessage, answer: SendMessage) -> None:
    """The text, the same as HTML with the pictures below it, and the other files."""
    shown = {
        f"{number}.{answer.message}@picture": file
        for number, file in enumerate(answer.attachments)
        if file.media_type in PICTURES
    }
    mail.set_content(answer.text)
    pictures = {cid: _name(file) for cid, file in shown.items()}
    mail.add_alternative(mail_html.page(answer.text, pictures, answer.language), subtype="html")
    body = mail.get_body(("html",))
    assert isinstance(body, EmailMessage)
    for cid, file in shown.items():
        subtype = file.media_type.partition("/")[2]
        body.add_related(
            file.content or b"",
            maintype="image",
            subtype=subtype,
            cid=f"<{cid}>",
            filename=_name(file),
            disposition="inline",
        )
    for file in answer.attachments:
        if file.media_type not in PICTURES:
            _attach(mail, file)


def _attach(mail: EmailMessage, file: Attachment) -> None:
    """A file as a part; what cannot stand in a header is left out of its name and type."""
    main, _, sub = file.media_type.partition("/")
    known = _TOKEN.fullmatch(main) and _TOKEN.fullmatch(sub) and main not in ("multipart", "message")
    main, sub = (main, sub) if known else ("application", "octet-stream")
    mail.add_attachment(file.content or b"", maintype=main, subtype=sub, filename=_name(file))


def _name(file: Attachment) -> str:
    return one_line(file.name, 200) or "file"


def message_id(answer: SendMessage, sender: str) -> str:
    """Its Message-ID, without angle brackets."""
    return f"{answer.message}@{sender.rpartition('@')[2]}"


def _address(value: str, name: str) -> Address:
    if email_address(value) is None or not value.isascii():
        raise Invalid("the address is none that a mail can go to or come from", reason="bad-address")
    return Address(one_line(name, 200), addr_spec=value)


def _subject(subject: str | None, *, reply: bool) -> str:
    """The customer's subject, marked once as an answer where it is one."""
    given = one_line(subject or "", 1000)
    return given if given.lower().startswith("re:") or not reply else f"Re: {given}".rstrip()


def _referenced(answer: SendMessage) -> list[str]:
    """Message-IDs of the conversation, oldest first; a provider's own ids of messages are none."""
    named = [answer.thread or "", *answer.in_reply_to]
    found = [id_ for id_ in dict.fromkeys(named) if "@" in id_ and id_.isascii() and len(id_) <= MAX_MESSAGE_ID]
    clean = [id_ for id_ in found if id_.isprintable() and not set(id_) & set("<> ")]
    return clean if len(clean) <= MAX_REFERENCES else [clean[0], *clean[1 - MAX_REFERENCES :]]


def _unsubscribing(mail: EmailMessage, url: str) -> None:
    """How to end such mails, in one click without a page (RFC 2369, RFC 8058 §3.1)."""
    if not _UNSUBSCRIBE.fullmatch(url):
        raise Invalid("`unsubscribe` is no https address of at most 900 characters", reason="bad-unsubscribe-url")
    mail["List-Unsubscribe"] = f"<{url}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
