"""A shop on a desk, spoken to from outside only: its customers write on nine channels, its agents use the API."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.desk import Desk
from tests.eventually import eventually

WORKSPACE = "main"
SECRET = "a-secret-that-only-the-shop-knows"
FORM, BOT, MAILBOX, LINE = "bikes-form", "bikes-bot", "bikes-mail", "bikes-line"
PAGE, GRAM, NUMBER = "bikes-page", "bikes-gram", "bikes-number"
POST, PARCEL = "bikes-post", "bikes-parcel"
SERVICES = ("services.gateway", "services.ingest", "services.tickets", "services.routing", "services.notify")

TOKEN = "77:the-token-of-the-bot"
WaysOut = Mapping[str, Mapping[str, str]]
"""Options by account."""

_numbers = itertools.count(1)


def documents(mode: str = "offer", ways_out: WaysOut | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    """Two shops, nine channel accounts, two agents; every channel is given out by `mode`.

    `ways_out` are the options by which an account's answers leave; without them answers wait.
    """
    secrets = [{"value": SECRET}]
    channels = {FORM: "http", BOT: "telegram", MAILBOX: "postmark", LINE: "whatsapp"} | {
        PAGE: "messenger",
        GRAM: "instagram",
        NUMBER: "twilio",
        POST: "mailgun",
        PARCEL: "sendgrid",
    }
    accounts = [
        ("account", id_, {"channel": channel, "shop": "bikes", "secrets": secrets} | _way_out(id_, ways_out or {}))
        for id_, channel in channels.items()
    ]
    return [
        ("workspace", WORKSPACE, {"name": "Main", "languages": ["en", "nl", "de"]}),
        ("shop", "bikes", {"name": "Bikes", "zone": "Europe/Amsterdam"}),
        ("shop", "bells", {"name": "Bells"}),
        ("team", "front", {"name": "Front"}),
        ("routing", "default", {"default": {"mode": mode, "lease_s": 30}, "require_language": False}),
        ("agent", "anna", {"name": "Anna", "team": "front", "languages": ["en", "nl"]}),
        ("agent", "bram", {"name": "Bram", "team": "front", "languages": ["en"]}),
        *accounts,
    ]


def _way_out(account: str, ways_out: WaysOut) -> dict[str, Any]:
    if account == NUMBER and account not in ways_out:
        return {"options": {"public_url": PUBLIC_URL}}
    return {"options": dict(ways_out[account]), "credentials": [{"value": TOKEN}]} if account in ways_out else {}


@dataclass
class Agent:
    """An agent at work, by an API key of his own."""

    name: str
    client: httpx.AsyncClient

    async def available(self) -> None:
        """Tell the desk that he is there; a heartbeat."""
        (await self.client.put("/v1/presence", json={"presence": "available"})).raise_for_status()

    async def offers(self) -> list[dict[str, Any]]:
        """What he is asked to take now."""
        answer = await self.client.get("/v1/offers")
        answer.raise_for_status()
        return list(answer.json()["items"])

    async def accept(self, offer: str) -> httpx.Response:
        """Take an offer."""
        return await self.client.post(f"/v1/offers/{offer}/accept")


@dataclass
class Shop:
    """A workspace with its keys."""

    desk: Desk
    admin: httpx.AsyncClient
    agents: dict[str, Agent] = field(default_factory=dict)
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.gather(*(client.aclose() for client in self.clients))

    async def say(self, channel: str, text: str, *, sender: str = "77", **more: Any) -> httpx.Response:
        """A customer writes on a channel, as its provider would deliver it."""
        request = REQUESTS[channel](text, sender, more)
        async with httpx.AsyncClient(base_url=self.desk.url("ingest"), timeout=10) as client:
            return await client.post(**request)

    async def tell(self, content: dict[str, Any]) -> httpx.Response:
        """The shop's own program says something else than a message."""
        async with httpx.AsyncClient(base_url=self.desk.url("ingest"), timeout=10) as client:
            return await client.post(**signed(content))

    async def tickets(self) -> list[dict[str, Any]]:
        """The workspace's tickets."""
        answer = await self.admin.get("/v1/tickets", params={"limit": 100})
        answer.raise_for_status()
        return list(answer.json()["items"])


def http_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A signed form message (C12)."""
    return signed({"id": f"m{next(_numbers)}", "sender": {"id": sender}, "text": text} | more)


def signed(content: dict[str, Any]) -> dict[str, Any]:
    """A request of the shop's own program."""
    body = json.dumps(content).encode()
    stamp = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"switchboard-timestamp": stamp, "switchboard-signature": f"v1={signature}"}
    return {
        "url": f"/v1/inbound/http/{FORM}",
        "content": body,
        "headers": headers | {"content-type": "application/json"},
    }


def telegram_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A bot's update (C9)."""
    number = next(_numbers)
    person = {"id": int(sender), "is_bot": False, "first_name": "Ada", "language_code": "en"}
    chat = {"id": int(sender), "type": "private", "first_name": "Ada"}
    message = {"message_id": number, "from": person, "chat": chat, "date": int(time.time()), "text": text}
    update = {"update_id": number, "message": message | more}
    headers = {"x-telegram-bot-api-secret-token": SECRET}
    return {"url": f"/v1/inbound/telegram/{BOT}", "json": update, "headers": headers}


def whatsapp_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A message over the Cloud API (C6)."""
    number = f"3161234{int(sender):04d}"
    said = {"from": number, "id": f"wamid.{next(_numbers)}", "timestamp": str(int(time.time())), "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": number}],
        "messages": [said | {"text": {"body": text}} | more],
    }
    changes = [{"field": "messages", "value": value}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes}]}).encode()
    headers = {"x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"}
    return {"url": f"/v1/inbound/whatsapp/{LINE}", "content": body, "headers": headers}


def postmark_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A mail as Postmark posts it (C2)."""
    number = next(_numbers)
    address = f"customer{sender}@example.org"
    mail = {
        "From": address,
        "FromFull": {"Email": address, "Name": "Ada", "MailboxHash": ""},
        "To": "help@bikes.example",
        "ToFull": [{"Email": "help@bikes.example", "Name": "", "MailboxHash": ""}],
        "Subject": "A question",
        "MessageID": f"00000000-0000-4000-8000-{number:012d}",
        "Date": "Fri, 02 Jan 2026 03:04:05 +0000",
        "TextBody": text,
        "HtmlBody": "",
        "Headers": [{"Name": "Message-ID", "Value": f"<{number}@mail.example.org>"}],
        "Attachments": [],
    }
    password = base64.b64encode(f"switchboard:{SECRET}".encode()).decode()
    headers = {"authorization": f"Basic {password}"}
    return {"url": f"/v1/inbound/postmark/{MAILBOX}", "json": mail | more, "headers": headers}


def mailgun_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A mail as a route of Mailgun's forwards it; with an event among `more` what became of one of ours (C2)."""
    number = next(_numbers)
    stamp, token = str(int(time.time())), f"token-{number}"
    signature = hmac.new(SECRET.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
    signed = {"timestamp": stamp, "token": token, "signature": signature}
    url = f"/v1/inbound/mailgun/{POST}"
    if "event" in more:
        return {"url": url, "json": {"signature": signed, "event-data": more}}
    address = f"customer{sender}@example.org"
    headers = [["Message-Id", f"<{number}@mail.example.org>"], ["Date", "Fri, 02 Jan 2026 03:04:05 +0000"]]
    mail = {"from": f"Ada <{address}>", "recipient": "help@bikes.example", "subject": "A question"}
    return {"url": url, "data": signed | mail | {"body-plain": text, "message-headers": json.dumps(headers)}}


def sendgrid_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A mail of the Inbound Parse hook; with events among `more` what became of ours (C2)."""
    url = f"/v1/inbound/sendgrid/{PARCEL}?token={SECRET}"
    if "events" in more:
        return {"url": url, "json": more["events"]}
    address = f"customer{sender}@example.org"
    headers = f"Message-ID: <{next(_numbers)}@mail.example.org>\nDate: Fri, 02 Jan 2026 03:04:05 +0000\n"
    mail = {"headers": headers, "from": f"Ada <{address}>", "to": "help@bikes.example", "subject": "A question"}
    envelope = json.dumps({"to": ["help@bikes.example"], "from": address})
    return {"url": url, "data": mail | {"text": text, "envelope": envelope}}


def page_request(about: str, account: str, text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A message to a page, or to an Instagram account (C7, C8)."""
    said = {"mid": f"m_{next(_numbers)}", "text": text} | more
    event = {"sender": {"id": sender}, "recipient": {"id": "10"}, "timestamp": int(time.time() * 1000), "message": said}
    body = json.dumps({"object": about, "entry": [{"id": "10", "time": 1, "messaging": [event]}]}).encode()
    headers = {"x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"}
    return {"url": f"/v1/inbound/{account}", "content": body, "headers": headers}


def messenger_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A message to the shop's page."""
    return page_request("page", f"messenger/{PAGE}", text, sender, more)


def instagram_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A direct message."""
    return page_request("instagram", f"instagram/{GRAM}", text, sender, more)


PUBLIC_URL = f"https://desk.example/v1/inbound/twilio/{NUMBER}"


def twilio_request(text: str, sender: str, more: dict[str, Any]) -> dict[str, Any]:
    """A text message (C5); with a status among `more` what became of one of ours."""
    form = {"MessageSid": f"SMin{next(_numbers)}", "From": f"+3161234{int(sender):04d}", "Body": text}
    form = form | more if "MessageStatus" not in more else more
    signed_text = PUBLIC_URL + "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(SECRET.encode(), signed_text.encode(), "sha1")).decode()
    return {"url": f"/v1/inbound/twilio/{NUMBER}", "data": form, "headers": {"x-twilio-signature": signature}}


REQUESTS = {
    "http": http_request,
    "telegram": telegram_request,
    "postmark": postmark_request,
    "whatsapp": whatsapp_request,
    "messenger": messenger_request,
    "instagram": instagram_request,
    "twilio": twilio_request,
    "mailgun": mailgun_request,
    "sendgrid": sendgrid_request,
}


async def open_shop(desk: Desk, mode: str = "offer", ways_out: WaysOut | None = None) -> Shop:
    """Set the workspace up through the gateway and wait until every service has it."""
    code, printed = await desk.run("services.gateway", "bootstrap")
    assert code == 0, printed
    key = json.loads(printed.splitlines()[-1])["admin_key"]
    admin = httpx.AsyncClient(base_url=desk.url("gateway"), headers={"authorization": f"Bearer {key}"}, timeout=20)
    shop = Shop(desk, admin, clients=[admin])
    for kind, name, document in documents(mode, ways_out):
        answer = await admin.put(f"/v1/settings/{kind}/{name}", json=document)
        assert answer.is_success, answer.text
    for name in ("anna", "bram"):
        made = await admin.post("/v1/keys", json={"role": "agent", "agent": name})
        assert made.is_success, made.text
        headers = {"authorization": f"Bearer {made.json()['key']}"}
        client = httpx.AsyncClient(base_url=desk.url("gateway"), headers=headers, timeout=20)
        shop.agents[name] = Agent(name, client)
        shop.clients.append(client)
    await settled(desk)
    return shop


async def settled(desk: Desk, last: str = f"account/{MAILBOX}") -> None:
    """Wait until every service has read the last document."""
    wanted = f"{WORKSPACE}/{last}"
    async with httpx.AsyncClient(timeout=5) as client:
        for name, process in desk.processes.items():

            async def has_it(url: str = process.url) -> bool:
                return wanted in (await client.get(f"{url}/internal/settings")).json()

            await eventually(has_it, what=f"the settings in {name}")
