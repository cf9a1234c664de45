"""SMS (C5) over Twilio: https://www.twilio.com/docs/messaging/guides/webhook-request and the Messages resource.

The account's secret and credential are its auth token, its option `public_url` the address that Twilio was given, over
which it signs; `account_sid` and `from` (a number) or `messaging_service_sid` send. The API takes no key, so a try
without an answer stays unknown until a status callback comes, whose address names our message. STOP, START and HELP are
answered by Twilio; here they are kept and wake nobody.
"""

import base64
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Outgoing,
    Parsed,
    Received,
    Request,
    fitted,
)
from shared.channels.formats import sms_text, twilio_signature, twilio_status
from shared.channels.outgoing import downloads, web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Fetch, Outcome, Rejected, Rendered, TryLater, Unsure
from shared.channels.outgoing.splitting import split
from shared.contracts.inbound_messages import Attachment, MessageReceived, Sender
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid, Unauthenticated
from shared.text import clean, one_line, phone_number

SIGNATURE = "x-twilio-signature"
OUR_MESSAGE = "message"
"""In the address of status callbacks; Twilio signs it with the rest."""
PUBLIC_API = "https://api.twilio.com"
FORM = "application/x-www-form-urlencoded"
FILES_MAX = 20
WORDS = {
    **dict.fromkeys(("stop", "stopall", "unsubscribe", "optout", "revoke"), "opt-out"),
    **dict.fromkeys(("start", "unstop"), "opt-in"),
    **dict.fromkeys(("help", "info"), "help"),
}
"""Messages that carriers give a meaning. CANCEL, END, QUIT and YES have one too: customers say them of orders."""
OPTED = {"STOP": "opt-out", "START": "opt-in", "HELP": "help"}


def verify(request: Request, account: AccountContext) -> None:
    """The signature over the address that Twilio was given and all fields, in constant time."""
    given = request.headers.get(SIGNATURE, "")
    if not given:
        raise Unauthenticated("the request is not signed; Twilio signs each one", reason="missing_signature")
    public = account.options.get("public_url", "")
    if not public:
        raise Unauthenticated(
            "the account has no option `public_url`, the address given to Twilio", reason="no_public_url"
        )
    url = f"{public.partition('?')[0]}?{request.query_string}" if request.query_string else public
    content_type = request.headers.get("content-type", "")
    try:
        fits = twilio_signature.fits(given, url, content_type, request.body, account.secrets)
    except ValueError:
        raise Unauthenticated(
            "the account's option `public_url` is no address; set what Twilio was given", reason="bad_public_url"
        ) from None
    if not fits:
        raise Unauthenticated(
            "the signature fits no secret of this account; check that `public_url` is what Twilio was given",
            reason="bad_signature",
        )


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one message, a word on one of ours, or something of another product."""
    try:
        given = dict(reversed(twilio_signature.fields(request.body)))
    except ValueError:
        raise Invalid("the form has too many fields", reason="too_many_fields") from None
    if "CallSid" in given:
        return Parsed(ignored="call")
    status, name = given.get("MessageStatus") or given.get("SmsStatus") or "", _sid(given)
    if "Body" not in given and "NumMedia" not in given and status:
        return _told(given, status, name, request, account)
    if not name:
        raise Invalid("there is no MessageSid, so this is no message", reason="not_a_message")
    return Parsed((_said(given, name, request, account),))


def _sid(given: dict[str, str]) -> str:
    return one_line(given.get("MessageSid") or given.get("SmsMessageSid") or given.get("SmsSid") or "", 200)


def _told(given: dict[str, str], status: str, name: str, request: Request, account: AccountContext) -> Parsed:
    if status in twilio_status.UNDER_WAY:
        return Parsed(ignored="under-way")
    state = twilio_status.STATES.get(status)
    if state is None or not name:
        raise Invalid("this status is not known here", reason="unknown_status")
    name = _ours(request.query.get(OUR_MESSAGE, "")) or name
    reason = twilio_status.failed(given.get("ErrorCode", "")) if state == "failed" else None
    receipt = ReceiptReceived(
        channel=CHANNEL.name,
        account=account.id,
        provider_id=name,
        state=state,
        at=request.received_at,
        reason=reason,
        accepted_at=request.received_at,
    )
    return Parsed(receipts=(receipt,))


def _ours(given: str) -> str | None:
    """The id of our message, where the address of the callback named one."""
    try:
        return str(UUID(given))
    except ValueError:
        return None


def _said(given: dict[str, str], name: str, request: Request, account: AccountContext) -> Received:
    number = phone_number(given.get("From", ""))
    if number is None:
        raise Invalid(
            "it comes from no phone number; other channels of Twilio's are not taken here", reason="no_sender"
        )
    text, whole = fitted(clean(given.get("Body", "")))
    message = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=name,
        sender=Sender(kind="phone", value=number, verified=True),
        thread=number,
        text=text,
        attachments=_files(given),
        automatic=OPTED.get(given.get("OptOutType", "").upper()) or WORDS.get(text.strip().lower()),
        accepted_at=request.received_at,
    )
    return Received(message, long_text=whole)


def _files(given: dict[str, str]) -> tuple[Attachment, ...]:
    """Media by their addresses, which want the account's token."""
    count = given.get("NumMedia", "0")
    most = min(int(count), FILES_MAX) if count.isascii() and count.isdigit() and len(count) < 5 else 0
    found = [(given.get(f"MediaUrl{n}", ""), given.get(f"MediaContentType{n}", "")) for n in range(most)]
    return tuple(
        Attachment(
            name=f"file-{number}",
            media_type=one_line(kind, 100).lower() or "application/octet-stream",
            reference=url if len(url) <= 4_000 and url.isprintable() else None,
        )
        for number, (url, kind) in enumerate(found)
        if url
    )


# --- answers ---------------------------------------------------------------------------------------------------------


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One message or, where the text is long, several."""
    if answer.attachments:
        raise Invalid("files are not sent over this channel yet", reason="attachments-unsupported")
    service, sender = account.options.get("messaging_service_sid", ""), account.options.get("from", "")
    if not service and not sender:
        raise Invalid("the account has no option `from` or `messaging_service_sid`", reason="no-sender-address")
    by = {"MessagingServiceSid": service} if service else {"From": sender}
    parts = split(answer.text, OUTGOING.text_max)
    if not parts:
        raise Invalid("an answer needs words", reason="no-text")
    to, last = answer.recipient.value, len(parts) - 1
    forms = [{"To": to, **by, "Body": part, **_back(answer, account, last=n == last)} for n, part in enumerate(parts)]
    return tuple(
        Rendered(f"{answer.message}:{n}", to, urlencode(form).encode(), sms_text.segments(form["Body"]))
        for n, form in enumerate(forms)
    )


def _back(answer: SendMessage, account: AccountContext, *, last: bool) -> dict[str, str]:
    """Where its status goes; the last part's is the answer's, known by our id even where the API's answer was lost."""
    url = account.options.get("public_url", "")
    if url and last:
        url += f"{'&' if '?' in url else '?'}{OUR_MESSAGE}={answer.message}"
    return {"StatusCallback": url} if url else {}


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Post it once; a refusal is believed only in the API's own words."""
    proof = _proof(account)
    if proof is None:
        return TryLater("no-credential")
    base = account.options.get("api_url", PUBLIC_API).rstrip("/")
    url = f"{base}/2010-04-01/Accounts/{account.options['account_sid']}/Messages.json"
    answered = await web.post(client, url, rendered.body, proof | {"content-type": FORM})
    if not isinstance(answered, web.Answered):
        return answered
    said = answered.json()
    if answered.status in (200, 201):
        sid = said.get("sid")
        return Accepted(sid[:200] if isinstance(sid, str) and sid else None)
    return _refused(answered, said.get("code"))


def _refused(answered: web.Answered, code: Any) -> Outcome:
    number = code if isinstance(code, int) and not isinstance(code, bool) else 0
    if number in twilio_status.REFUSED:
        return Rejected(twilio_status.REFUSED[number])
    if number in twilio_status.LATER or answered.status in (401, 403, 429, 503):
        word = twilio_status.LATER.get(number) or f"http-{answered.status}"
        return TryLater(word, answered.retry_after_s)
    return Rejected(f"error-{number}") if number and 400 <= answered.status < 500 else Unsure(f"http-{answered.status}")


def _proof(account: AccountContext) -> dict[str, str] | None:
    sid = account.options.get("account_sid", "")
    if not account.credentials or not sid.isascii() or not sid.isalnum():
        return None
    return {"authorization": "Basic " + base64.b64encode(f"{sid}:{account.credentials[0]}".encode()).decode()}


async def fetch(file: Attachment, account: AccountContext, client: Client) -> Fetch:
    """A customer's picture; our token goes to the API's own origin alone."""
    proof = _proof(account)
    if proof is None:
        return TryLater("no-credential")
    url = file.reference or ""
    try:
        ours = _origin(url) == _origin(account.options.get("api_url", PUBLIC_API))
    except Invalid as error:
        return Rejected(error.reason)
    return await downloads.fetch(client, url, proof if ours else {})


def _origin(url: str) -> tuple[str, str, int | None]:
    found = web.target(url)
    return found.scheme, found.host, found.port


OUTGOING = Outgoing(text_max=1600)

CHANNEL = Channel(
    name="twilio",
    about="SMS: messages of a phone number at Twilio.",
    max_body_bytes=MIB,
    capabilities=Capabilities(text_max=1600, attachments=True),
    verify=verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    fetch=fetch,
    proof="body",
    ours=False,
    conversational=True,
    challenge="X-Twilio-Signature",
    headers=(Header("X-Twilio-Signature", "Base64 HMAC-SHA1 of the address and the fields."),),
    answer=("text/xml", b"<Response/>"),
    accepted_status=200,
)
