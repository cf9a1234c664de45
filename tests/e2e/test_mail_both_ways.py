"""A conversation by mail with nothing between the customer's mail server and ours: SMTP in, SMTP out, and back."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.desk import Desk, free_port
from tests.eventually import eventually
from tests.integration.notifying import ENVIRONMENT
from tests.providers.smtp import DROP, SmtpServer
from tests.shop import SECRET, SERVICES, TOKEN, WORKSPACE, Shop, open_shop
from tests.stack import Stack

ACCOUNT, CARE, ADA = "care-mail", "care@bikes.example", "ada@customer.example"
QUESTION = "Hello, where is my order? It should have been here last week."
TEXT = "Your order arrives tomorrow before noon."


@dataclass
class Mailroom:
    """A shop whose one account is an address: customers' servers deliver to `port`, answers go to `far`."""

    shop: Shop
    far: SmtpServer
    port: int

    async def deliver(self, mail: EmailMessage, to: str = CARE) -> None:
        """The customer's mail server hands a mail over; returns when it was taken."""

        def say() -> None:
            with smtplib.SMTP("127.0.0.1", self.port, local_hostname="mx.customer.example", timeout=30) as server:
                server.sendmail(ADA, [to], mail.as_bytes())

        await asyncio.to_thread(say)

    async def asked(self) -> dict[str, Any]:
        """A ticket of a customer's first mail, in anna's hands."""
        anna = self.shop.agents["anna"]
        await anna.available()
        await self.deliver(written(QUESTION))
        (offer,) = await eventually(anna.offers, what="an offer")
        assert (await anna.accept(offer["id"])).is_success
        ticket: dict[str, Any] = (await anna.client.get(f"/v1/tickets/{offer['ticket']}")).json()
        return ticket

    async def answered(self, ticket: dict[str, Any]) -> str:
        """Anna answers; gives the message's id."""
        anna = self.shop.agents["anna"]
        body = {"text": TEXT, "seen_up_to": ticket["version"]}
        answer = await anna.client.post(f"/v1/tickets/{ticket['id']}/answers", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["message"])

    async def arrived(self) -> EmailMessage:
        """The answer in the customer's mailbox."""

        async def there() -> list[EmailMessage]:
            return self.far.mails

        (mail,) = await eventually(there, what="the answer")
        return mail

    async def lines(self, ticket: dict[str, Any]) -> list[dict[str, Any]]:
        """Its timeline's messages, oldest first."""
        items = (await self.shop.admin.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
        return [line for line in items if line["what"] == "message"]

    async def said(self, ticket: dict[str, Any], number: int) -> list[str]:
        """The texts of its messages once there are so many."""

        async def there() -> list[str]:
            texts = [line["text"] for line in await self.lines(ticket)]
            return texts if len(texts) >= number else []

        return await eventually(there, what=f"{number} messages")

    async def became(self, message: str, ticket: dict[str, Any], state: str) -> dict[str, Any]:
        """The answer's line once it is in this state."""

        async def there() -> dict[str, Any] | None:
            line = next(line for line in await self.lines(ticket) if line["id"] == message)
            return line if line["delivery"] == state else None

        return await eventually(there, what=f"a message that is {state}")


@pytest.fixture
async def room(stack: Stack) -> AsyncIterator[Mailroom]:
    """Everything running."""
    far = SmtpServer()
    await far.start()
    port = free_port()
    environment = ENVIRONMENT | {"SWITCHBOARD_SMTP_PORT": str(port)}
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), environment)
    await desk.start(*SERVICES)
    shop = await open_shop(desk)
    options = {"addresses": CARE, "from": CARE, "from_name": "Canal Bikes", "reply_to": CARE}
    out = {"smtp_host": "127.0.0.1", "smtp_port": str(far.port), "smtp_tls": "none"}
    document = {"channel": "mail", "shop": "bikes", "secrets": [{"value": SECRET}], "credentials": [{"value": TOKEN}]}
    put = await shop.admin.put(f"/v1/settings/account/{ACCOUNT}", json=document | {"options": options | out})
    assert put.is_success, put.text
    await _settled(desk)
    yield Mailroom(shop, far, port)
    await shop.close()
    desk.stop()
    await stack.drop_database(desk.database)
    await far.stop()


async def _settled(desk: Desk) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        for name, process in desk.processes.items():

            async def has_it(url: str = process.url) -> bool:
                return f"{WORKSPACE}/account/{ACCOUNT}" in (await client.get(f"{url}/internal/settings")).json()

            await eventually(has_it, what=f"the account in {name}")


def written(text: str, to: str = CARE, subject: str = "A question", **more: str) -> EmailMessage:
    """A mail as a customer's program writes it."""
    mail = EmailMessage()
    mail["From"] = f"Ada <{ADA}>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = "Fri, 02 Jan 2026 03:04:05 +0000"
    mail["Message-ID"] = f"<{uuid4().hex}@customer.example>"
    for name, value in more.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def reply(to: EmailMessage, text: str) -> EmailMessage:
    """An answer as a customer's program writes it: all ids named, everything quoted."""
    said = to.get_body(("plain",))
    assert said is not None
    quoted = "\n".join(f"> {line}" for line in said.get_content().splitlines())
    references = f"{to['references']} {to['message-id']}"
    whole = f"{text}\n\nOn Fri, 2 Jan 2026 at 04:05, Canal Bikes <{CARE}> wrote:\n{quoted}\n"
    named = {"In_Reply_To": str(to["message-id"]), "References": references}
    return written(whole, str(to["reply-to"]), f"Re: {to['subject'].removeprefix('Re: ')}", **named)


async def test_a_customer_writes_is_answered_and_writes_again(room: Mailroom) -> None:
    ticket = await room.asked()
    message = await room.answered(ticket)
    answer = await room.arrived()
    assert (answer["to"], answer["subject"]) == (f"Ada <{ADA}>", "Re: A question")
    assert answer["in-reply-to"] and answer["message-id"] == f"<{message}@bikes.example>"
    await room.became(message, ticket, "sent")
    again = reply(answer, "Thank you! And the bell, is it in the box?")
    tagged = answer["reply-to"].addresses[0].addr_spec
    assert tagged.startswith("care+t")
    for _ in range(2):  # its server does not hear our answer the first time
        await room.deliver(again, to=tagged)
    assert await room.said(ticket, 3) == [QUESTION, TEXT, "Thank you! And the bell, is it in the box?"]
    after = (await room.shop.admin.get(f"/v1/tickets/{ticket['id']}")).json()
    assert after["state"] == "open"
    assert len(await room.shop.tickets()) == 1


async def test_the_address_alone_brings_a_reply_home_and_a_forged_one_does_not(room: Mailroom) -> None:
    ticket = await room.asked()
    await room.answered(ticket)
    tagged = (await room.arrived())["reply-to"].addresses[0].addr_spec
    await room.deliver(written("From my phone: thanks, and the bell?", tagged, "No subject"), to=tagged)
    assert len(await room.said(ticket, 3)) == 3
    token = tagged.partition("+t")[2].partition("@")[0]
    forged = f"care+t{token[:-8]}{'a' * 8}@bikes.example"
    await room.deliver(written("I am not who you think", forged, "No subject"), to=forged)

    async def apart() -> bool:
        return len(await room.shop.tickets()) == 2

    await eventually(apart, what="a ticket of its own")
    assert len(await room.lines(ticket)) == 3


async def test_a_reply_without_the_token_finds_its_ticket_by_what_it_names(room: Mailroom) -> None:
    ticket = await room.asked()
    await room.answered(ticket)
    named = reply(await room.arrived(), "And the bell?")
    for header in ("To", "References"):  # some programs name only the mail that they answer
        del named[header]
    named["To"] = CARE
    await room.deliver(named)
    assert (await room.said(ticket, 3))[-1] == "And the bell?"


async def test_a_bounce_fails_the_answer_it_is_about_and_is_no_customers_word(room: Mailroom) -> None:
    ticket = await room.asked()
    message = await room.answered(ticket)
    answer = await room.arrived()
    await room.became(message, ticket, "sent")
    await room.deliver(bounce(answer))
    line = await room.became(message, ticket, "failed")
    assert line["delivery_reason"] == "mailbox-full"
    assert not [each for each in await room.shop.tickets() if each["state"] in ("new", "open")]


def bounce(of: EmailMessage) -> EmailMessage:
    """What a mail server says that could not keep the mail (RFC 3464)."""
    source = (
        "From: MAILER-DAEMON@mx.customer.example\r\n"
        f"To: {CARE}\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        "Date: Fri, 02 Jan 2026 03:10:00 +0000\r\nMessage-ID: <bounce1@mx.customer.example>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThe mailbox is full.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.customer.example\r\n\r\n"
        f"Final-Recipient: rfc822; {ADA}\r\nAction: failed\r\nStatus: 5.2.2\r\n"
        f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {of['message-id']}\r\n\r\n--b--\r\n"
    )
    return _parsed(source)


def _parsed(source: str) -> EmailMessage:
    made = message_from_string(source, policy=policy.SMTP)
    assert isinstance(made, EmailMessage)
    return made


async def test_a_server_that_takes_an_answer_and_says_nothing_settles_it_by_its_report(room: Mailroom) -> None:
    room.far.next.append({".": DROP, "taken": "yes"})
    ticket = await room.asked()
    message = await room.answered(ticket)
    answer = await room.arrived()
    await room.became(message, ticket, "unknown")
    report = bounce(answer).as_string().replace("Action: failed", "Action: delivered").replace("5.2.2", "2.0.0")
    await room.deliver(_parsed(report))
    await room.became(message, ticket, "delivered")
    assert len(room.far.mails) == 1
