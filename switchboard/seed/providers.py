"""How the demo's providers deliver a message: the requests that a form, a bot's platform and a mail service post."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from switchboard.seed.documents import ACCOUNTS
from switchboard.seed.plan import Arrival


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request to the edge."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def delivery(arrival: Arrival, secret: str, now_s: int) -> Delivery:
    """The arrival as its channel's provider posts it, proven with the account's secret; `now_s` is Unix time."""
    channel = ACCOUNTS[arrival.account][0]
    body, headers = _FORMS[channel](arrival, secret, now_s)
    return Delivery(
        path=f"/v1/inbound/{channel}/{arrival.account}",
        body=body,
        headers={"content-type": "application/json", **headers},
    )


def _form(arrival: Arrival, secret: str, now_s: int) -> tuple[bytes, dict[str, str]]:
    customer = arrival.customer
    sender = {"id": f"customer-{customer.number}", "name": customer.name, "language": customer.language}
    thread = _conversation(arrival)
    body = _json(
        {"id": arrival.id, "thread": thread, "sender": sender, "subject": arrival.subject, "text": arrival.text}
    )
    signature = hmac.new(secret.encode(), f"{now_s}.".encode() + body, hashlib.sha256).hexdigest()
    return body, {"switchboard-timestamp": str(now_s), "switchboard-signature": f"v1={signature}"}


def _bot(arrival: Arrival, secret: str, now_s: int) -> tuple[bytes, dict[str, str]]:
    customer = arrival.customer
    first, _, last = customer.name.partition(" ")
    person = {"id": customer.number, "first_name": first, **({"last_name": last} if last else {})}
    message = {
        "message_id": _numbered(arrival.id),
        "from": {**person, "is_bot": False, "language_code": customer.language},
        "chat": {**person, "type": "private"},
        "date": now_s,
        "text": arrival.text,
    }
    return _json({"update_id": _numbered(arrival.id), "message": message}), {"x-telegram-bot-api-secret-token": secret}


def _mail(arrival: Arrival, secret: str, now_s: int) -> tuple[bytes, dict[str, str]]:
    customer = arrival.customer
    address = f"customer-{customer.number}@customers.example"
    to = ACCOUNTS[arrival.account][2]
    mail_headers = [{"Name": "Message-ID", "Value": f"<{arrival.id}@customers.example>"}]
    if not arrival.first:
        mail_headers.append({"Name": "References", "Value": f"<{_conversation(arrival)}-0@customers.example>"})
    mail = {
        "From": f'"{customer.name}" <{address}>',
        "FromFull": {"Email": address, "Name": customer.name, "MailboxHash": ""},
        "To": to,
        "ToFull": [{"Email": to, "Name": "", "MailboxHash": ""}],
        "Subject": arrival.subject if arrival.first else f"Re: {arrival.subject}",
        "MessageID": f"00000000-0000-4000-8000-{_numbered(arrival.id):012d}",
        "Date": formatdate(now_s),
        "TextBody": arrival.text,
        "HtmlBody": "",
        "Headers": mail_headers,
        "Attachments": [],
    }
    password = base64.b64encode(f"switchboard:{secret}".encode()).decode()
    return _json(mail), {"authorization": f"Basic {password}"}


_FORMS: dict[str, Callable[[Arrival, str, int], tuple[bytes, dict[str, str]]]] = {
    "http": _form,
    "telegram": _bot,
    "postmark": _mail,
}


def _conversation(arrival: Arrival) -> str:
    return arrival.id.rpartition("-")[0]


def _numbered(id_: str) -> int:
    """A message's id as the number that a provider counts: the conversation and its part."""
    _, conversation, part = id_.split("-")
    return int(conversation) * 10 + int(part)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
