"""Answers of the mail channels whose provider takes SMTP submission: one mail from the account's address."""

from datetime import UTC, datetime
from email.utils import format_datetime

from shared.channels.base import MIB, AccountContext, Outgoing
from shared.channels.formats import reply_mail
from shared.channels.outgoing import smtp
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid

OUTGOING = Outgoing(text_max=MIB // 4, splits=False, attachments=True, copies=True)


def rendered(answer: SendMessage, account: AccountContext, *, metadata_header: str) -> tuple[Rendered, ...]:
    """One mail; raises Invalid where the account or the answer does not make one."""
    if len(answer.text) > OUTGOING.text_max:
        raise Invalid("the text is too long for a mail", reason="text-too-long")
    sender = account.options.get("from", "")
    if not sender:
        raise Invalid("the account has no option `from`, the address its mails come from", reason="no-sender-address")
    who = reply_mail.From(
        address=sender,
        name=account.options.get("from_name", ""),
        reply_to=account.options.get("reply_to", ""),
    )
    body = reply_mail.compose(answer, who, metadata_header=metadata_header)
    copies = tuple(one.value for one in answer.copies or ())
    return (Rendered(str(answer.message), answer.recipient.value, body, copies=copies),)


async def submitted(rendered: Rendered, account: AccountContext, client: Client, *, host: str, user: str) -> Outcome:
    """Hand the mail to the account's submission server, the provider's own without one.

    SMTP knows no key, so a lost answer stays unknown. `user` is the provider's usual log-in, empty where that is the
    credential itself.
    """
    options = account.options
    password = account.credentials[0] if account.credentials else ""
    port = options.get("smtp_port", "587")
    tls = options.get("smtp_tls", "starttls")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536) or tls not in ("starttls", "tls", "none"):
        return Rejected("bad-smtp-options")
    server = smtp.Server(
        host=options.get("smtp_host", host),
        port=int(port),
        tls=tls,
        user=options.get("smtp_user", user or password),
        password=password,
    )
    dated = f"Date: {format_datetime(datetime.now(UTC))}\r\n".encode() + rendered.body
    sender = options.get("from", "")
    outcome = await smtp.submit(
        client, server, sender=sender, recipients=(rendered.recipient, *rendered.copies), mail=dated
    )
    return Accepted(rendered.key) if isinstance(outcome, Accepted) else outcome
