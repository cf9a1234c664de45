"""Mail over Mailgun (C2): routes that forward here, parsed or as raw MIME, and its event webhooks.

https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/ and .../events/webhooks.

The account's secret is the webhook signing key: `signature` is HMAC-SHA256(key, timestamp + token). It covers neither
the mail nor the recipient, so a request that somebody could read on its way could be made again with another content
until it is too old; a repeated one changes nothing, since a mail is known by what it says itself. A From line proves
nothing, so no sender counts as verified. Answers go by SMTP, as docs/channels/mailgun.md says.
"""

import hashlib
import hmac
from datetime import timedelta

import orjson

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Parsed,
    Request,
    same_secret,
)
from shared.channels.formats import mail, mail_message, mail_submission, mailgun_receipts, multipart, rfc822
from shared.channels.formats.json_body import load_object, mapping, string
from shared.channels.formats.multipart import Form
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rendered
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid, Refused, Unauthenticated
from shared.text import HTML_MAX, clean, html_to_text, one_line

OLDEST = timedelta(hours=9)
"""Mailgun tries for eight hours, and keeps the signature of the first try."""
AHEAD = timedelta(minutes=5)
_RAW = ("body-mime", "Body-Mime")


def verify(request: Request, account: AccountContext) -> None:
    """The signature over timestamp and token, in constant time, and its age."""
    stamp, token, signature = _signed(request)
    if not (stamp and token and signature):
        raise Unauthenticated("send the fields timestamp, token and signature", reason="missing_signature")
    wanted = [
        hmac.digest(secret.encode(), f"{stamp}{token}".encode(), "sha256").hex().encode() for secret in account.secrets
    ]
    if not same_secret([signature.encode()], wanted):
        raise Unauthenticated("the signature is none of this account's signing key", reason="bad_signature")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthenticated("timestamp is not a number of seconds", reason="bad_timestamp")
    age_s = request.received_at.timestamp() - int(stamp)
    if not -AHEAD.total_seconds() <= age_s <= OLDEST.total_seconds():
        raise Unauthenticated(f"the timestamp is {age_s:.0f} s off", reason="stale_timestamp")


def _signed(request: Request) -> tuple[str, str, str]:
    """Timestamp, token and signature, empty where they are missing."""
    names = ("timestamp", "token", "signature")
    try:
        if _is_json(request):
            given = mapping(load_object(request.body, nul=True), "signature")
            found = [string(given, name) for name in names]
        else:
            form = _form(request)
            found = [form.text(name) for name in names]
    except Refused:
        return "", "", ""
    stamp, token, signature = (value[:200].strip() for value in found)
    return stamp, token, signature


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").strip().lower().startswith("application/json")


def _form(request: Request) -> Form:
    return multipart.read(request.headers.get("content-type", ""), request.body)


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one mail, or a word about one of ours."""
    if _is_json(request):
        return mailgun_receipts.from_json(load_object(request.body, nul=True), request, account, CHANNEL.name)
    form = _form(request)
    if "event" in form.fields and not form.fields.keys() & {"from", "From", "body-plain", *_RAW}:
        return mailgun_receipts.from_form(form, request, account, CHANNEL.name)
    token = one_line(form.text("token"), 200)
    arrived = mail_message.Arrived(
        channel=CHANNEL.name,
        account=account,
        at=request.received_at,
        provider_id=token or hashlib.sha256(request.body).hexdigest(),
        envelope=(form.text("recipient"),),
        elsewhere=_stored(form.text("attachments")),
    )
    return mail_message.parsed(_mail(form), arrived, stripped=clean(form.text("stripped-text")))


def _mail(form: Form) -> mail.Mail:
    """The mail itself where the route forwards MIME, else as Mailgun took it apart."""
    raw = next((form.fields[name] for name in _RAW if name in form.fields), b"")
    if raw:
        return rfc822.read(raw)
    headers = _headers(form.text("message-headers"))
    by_name = dict(reversed(headers))
    given = by_name.get("from") or form.text("from") or form.text("From") or form.text("sender")
    sender, name = mail.address(given)
    plain, html = clean(form.text("body-plain")), form.text("body-html")[:HTML_MAX]
    return mail.Mail(
        sender=sender,
        sender_name=mail.decoded(name, 200),
        subject=mail.decoded(form.text("subject") or by_name.get("subject", ""), 1000),
        sent_at=mail.moment(by_name.get("date", "") or form.text("Date")),
        headers=headers,
        text=plain or html_to_text(html),
        html=html,
        plain=bool(plain),
        files=tuple(file for _, file in form.files),
    )


def _stored(given: str) -> tuple[Attachment, ...]:
    """Files of a route that stores mails instead of forwarding them: a JSON list of where Mailgun keeps them."""
    try:
        listed = orjson.loads(given or "[]")
    except orjson.JSONDecodeError:
        return ()
    found = listed[: mail_message.MAX_FILES] if isinstance(listed, list) else []
    items = [item for item in found if isinstance(item, dict)]
    return tuple(
        Attachment(
            name=one_line(string(item, "name"), 200),
            media_type=one_line(string(item, "content-type"), 100) or "application/octet-stream",
            reference=one_line(string(item, "url"), 1000) or None,
        )
        for item in items
    )


def _headers(given: str) -> tuple[tuple[str, str], ...]:
    """`message-headers`: a JSON list of pairs."""
    try:
        pairs = orjson.loads(given or "[]")
    except orjson.JSONDecodeError:
        raise Invalid("message-headers is not JSON", reason="bad_headers") from None
    right = isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair) for pair in pairs
    )
    if not right or len(pairs) > rfc822.MAX_HEADERS:
        raise Invalid("message-headers is no list of pairs", reason="bad_headers")
    return tuple((name.lower(), clean(value[: 2 * mail.HEADER_MAX])) for name, value in pairs)


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One mail from the account's address."""
    return mail_submission.rendered(answer, account, metadata_header=mail_message.OUR_HEADERS[0])


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Hand the mail to Mailgun's submission server, or to the one the account names."""
    user = f"postmaster@{account.options.get('from', '').rpartition('@')[2]}"
    return await mail_submission.submitted(rendered, account, client, host=PUBLIC_HOST, user=user)


PUBLIC_HOST = "smtp.mailgun.org"

CHANNEL = Channel(
    name="mailgun",
    about="Mail over Mailgun's routes and webhooks.",
    max_body_bytes=40 * MIB,
    capabilities=Capabilities(text_max=10 * MIB, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=mail_submission.OUTGOING,
    render=render,
    send=send,
    proof="body",
    ours=False,
    challenge="Signature",
    headers=(Header("Content-Type", "A form, or JSON for event webhooks."),),
    accepted_status=200,
)
