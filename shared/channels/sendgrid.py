"""Mail over SendGrid (C2): Inbound Parse, parsed or raw, and its event webhook.

https://www.twilio.com/docs/sendgrid/for-developers/parsing-email/setting-up-the-inbound-parse-webhook

Inbound Parse does not sign: the account's secret is the password of HTTP Basic authentication, or the query parameter
`token`. The event webhook is signed (ECDSA P-256 over timestamp + body) where the account's option `events_key` holds
its public key, and proved by the secret otherwise. SendGrid's time in it has no limit: a repeated receipt changes
nothing. Any 2xx is an answer; it tries again for three days, and gives up at once on 4xx.
"""

import hashlib

import orjson

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
from shared.channels.formats import (
    basic_password,
    mail,
    mail_message,
    mail_submission,
    multipart,
    rfc822,
    sendgrid_receipts,
)
from shared.channels.formats.multipart import Form
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rendered
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import HTML_MAX, clean, html_to_text


def verify(request: Request, account: AccountContext) -> None:
    """The event webhook's signature where there is one and a key for it, else the secret."""
    if sendgrid_receipts.is_signed(request):
        keys = sendgrid_receipts.public_keys((account.options.get("events_key", ""), *account.secrets))
        if keys:
            return sendgrid_receipts.verify(request, keys)
    given = request.query.get("token", "").encode() or basic_password.of(request.headers.get("authorization", ""))
    how = "give the secret as the password of Basic authentication, or as ?token="
    return check_secret(given, account, missing=how)


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one mail, or a list of events of ours."""
    content_type = request.headers.get("content-type", "").strip()
    if content_type.lower().startswith("application/json"):
        return sendgrid_receipts.parse(request, account, CHANNEL.name)
    form = multipart.read(content_type, request.body)
    charsets = _object(form.text("charsets"), "charsets")
    arrived = mail_message.Arrived(
        channel=CHANNEL.name,
        account=account,
        at=request.received_at,
        provider_id=hashlib.sha256(request.body).hexdigest(),
        envelope=_envelope(form),
    )
    return mail_message.parsed(_mail(form, charsets), arrived)


def _mail(form: Form, charsets: dict[str, object]) -> mail.Mail:
    """The mail itself where the hook is set to raw, else as SendGrid took it apart."""
    if form.fields.get("email"):
        return rfc822.read(form.fields["email"])

    def text(name: str) -> str:
        charset = charsets.get(name)
        return form.text(name, charset if isinstance(charset, str) and charset else "utf-8")

    headers = rfc822.headers(form.fields.get("headers", b""))
    by_name = dict(reversed(headers))
    sender, name = mail.address(text("from") or by_name.get("from", ""))
    plain, html = clean(text("text")), text("html")[:HTML_MAX]
    return mail.Mail(
        sender=sender,
        sender_name=mail.decoded(name, 200),
        subject=mail.decoded(text("subject") or by_name.get("subject", ""), 1000),
        sent_at=mail.moment(by_name.get("date", "")),
        headers=headers,
        text=plain or html_to_text(html),
        html=html,
        plain=bool(plain),
        files=tuple(file for _, file in form.files),
    )


def _envelope(form: Form) -> tuple[str, ...]:
    """The addresses that the mail went to."""
    to = _object(form.text("envelope"), "envelope").get("to")
    return tuple(item for item in to[:50] if isinstance(item, str)) if isinstance(to, list) else ()


def _object(given: str, name: str) -> dict[str, object]:
    """A JSON object in a field, empty where the field is."""
    if not given.strip():
        return {}
    try:
        value = orjson.loads(given)
    except orjson.JSONDecodeError:
        raise Invalid(f"{name} is not JSON", reason="bad_form_field") from None
    if not isinstance(value, dict):
        raise Invalid(f"{name} is no JSON object", reason="bad_form_field")
    return value


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One mail from the account's address."""
    return mail_submission.rendered(answer, account, metadata_header=mail_message.OUR_HEADERS[0])


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Hand the mail to SendGrid's submission server, or to the one the account names."""
    return await mail_submission.submitted(rendered, account, client, host=PUBLIC_HOST, user="apikey")


PUBLIC_HOST = "smtp.sendgrid.net"

CHANNEL = Channel(
    name="sendgrid",
    about="Mail over SendGrid's Inbound Parse and event webhook.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=10 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=mail_submission.OUTGOING,
    render=render,
    send=send,
    proof="body",
    ours=False,
    challenge='Basic realm="switchboard"',
    headers=(
        Header("Content-Type", "A form, or JSON for events."),
        Header("Authorization", "Basic, the account's secret as the password.", required=False),
        Header("X-Twilio-Email-Event-Webhook-Signature", "ECDSA signature of events.", required=False),
        Header("X-Twilio-Email-Event-Webhook-Timestamp", "What the signature covers beside the body.", required=False),
    ),
    secret_headers=frozenset({"authorization"}),
    accepted_status=200,
)
