"""Mail as it is (C2): the bytes of a mail (RFC 5322), from a mail server's delivery, a mailbox, or a pipe over HTTP.

Ingest's listener and its mailboxes hand mails over without a secret, since the server at the far end was told to
deliver here. Over HTTP the account's secret proves the request: `Bearer`, or the password of `Basic`. A From line
proves nothing, so no sender counts as verified here. `envelope-to` names whom the mail went to on the envelope.

Answers go by SMTP to the server that the account's options name.
"""

import hashlib

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Parsed,
    Request,
    check_secret,
)
from shared.channels.formats import basic_password, mail_message, mail_submission, rfc822
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rejected, Rendered
from shared.contracts.outbound_commands import SendMessage


def verify(request: Request, account: AccountContext) -> None:
    """The secret, in constant time."""
    authorization = request.headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    given = token.strip().encode() if scheme.lower() == "bearer" else basic_password.of(authorization)
    check_secret(given, account, missing="give the secret as a Bearer token, or as the password of Basic")


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one mail."""
    arrived = mail_message.Arrived(
        channel=CHANNEL.name,
        account=account,
        at=request.received_at,
        provider_id=hashlib.sha256(request.body).hexdigest(),
        envelope=tuple(filter(None, (request.headers.get("envelope-to", ""),))),
    )
    return mail_message.parsed(rfc822.read(request.body), arrived)


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One mail from the account's address."""
    return mail_submission.rendered(answer, account, metadata_header=mail_message.OUR_HEADERS[0])


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Hand the mail to the submission server that the account names."""
    host = account.options.get("smtp_host", "")
    if not host:
        return Rejected("no-smtp-host")
    user = account.options.get("imap_user", account.options.get("from", ""))
    return await mail_submission.submitted(rendered, account, client, host=host, user=user)


CHANNEL = Channel(
    name="mail",
    about="Mail from any mail server: delivered by SMTP or LMTP, fetched by IMAP, or piped here.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=40 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=mail_submission.OUTGOING,
    render=render,
    send=send,
    proof="headers",
    ours=False,
    challenge='Basic realm="switchboard", charset="UTF-8"',
    headers=(
        Header("Authorization", "`Bearer` with the secret, or `Basic` with it as password."),
        Header("Envelope-To", "Whom the mail went to on the envelope.", required=False),
    ),
    secret_headers=frozenset({"authorization"}),
    takes_mail=True,
)
