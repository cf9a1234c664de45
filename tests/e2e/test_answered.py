"""The whole story: a customer writes, an agent is offered the ticket on his live stream, answers, and the customer has
it once, whatever the provider does; how far it came stands on the timeline.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.contracts.ticket_events import ReplySent
from tests.desk import Desk
from tests.e2e.far_ends import FarEnds
from tests.e2e.test_accepted_to_assigned import traces
from tests.eventually import eventually
from tests.integration.notifying import ENVIRONMENT, HANGS_S
from tests.integration.streams import Ear
from tests.integration.ticketing import Tickets
from tests.providers.smtp import DROP
from tests.shop import SERVICES, WORKSPACE, Shop, open_shop
from tests.stack import Stack

TEXT = "Your order arrives tomorrow before noon."
CHANNELS = ("http", "telegram", "postmark", "whatsapp")
ON_THE_WAY_OUT = ("outbound-commands", "delivery-events")


@pytest.fixture
async def far() -> AsyncIterator[FarEnds]:
    """Far ends that listen."""
    servers = FarEnds.new()
    await servers.start()
    yield servers
    await servers.stop()


@pytest.fixture
async def shop(stack: Stack, far: FarEnds) -> AsyncIterator[Shop]:
    """A shop whose answers go out to the far ends."""
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), ENVIRONMENT)
    await desk.start(*SERVICES, "services.metrics")
    opened = await open_shop(desk, ways_out=far.ways_out())
    yield opened
    await opened.close()
    desk.stop()
    await stack.drop_database(desk.database)


async def taken(shop: Shop, channel: str) -> dict[str, Any]:
    """A ticket of this channel that anna was offered on her live stream and has accepted."""
    anna = shop.agents["anna"]
    ear = Ear(anna.client.headers["authorization"].removeprefix("Bearer "))
    async with ear.listening(shop.desk.url("gateway")):
        await anna.available()
        said = await shop.say(channel, "Hello, where is my order? It should have been here last week.")
        assert said.is_success, said.text
        (offer,) = await ear.until("routing.offered")
        assert (await anna.accept(offer["offer"])).is_success
        await ear.until("ticket.assigned")
    ticket: dict[str, Any] = (await anna.client.get(f"/v1/tickets/{offer['ticket']}")).json()
    return ticket


async def answered(shop: Shop, ticket: dict[str, Any], text: str = TEXT) -> str:
    """Anna answers; gives the message's id."""
    body = {"text": text, "seen_up_to": ticket["version"]}
    answer = await shop.agents["anna"].client.post(f"/v1/tickets/{ticket['id']}/answers", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["ticket"]["state"] == "pending"
    return str(answer.json()["message"])


async def came_to(shop: Shop, ticket: dict[str, Any], message: str, *states: str) -> dict[str, Any]:
    """The message's line on the timeline once it is in one of these states."""

    async def there() -> dict[str, Any] | None:
        lines = (await shop.admin.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
        line = next(line for line in lines if line["id"] == message)
        return line if line["delivery"] in states else None

    return await eventually(there, what=f"a message that is {' or '.join(states)}")


async def replied_on(shop: Shop) -> ReplySent | None:
    """The one reply of this workspace, as its event tells it."""
    events = await Tickets(shop.desk, WORKSPACE).told(1)
    return next((event.data for event in events if isinstance(event.data, ReplySent)), None)


async def counted(shop: Shop, ticket: dict[str, Any]) -> dict[str, int]:
    """The volume that the gateway shows, once the first reply stands there with the seconds that its event carries."""
    sent: ReplySent = await eventually(lambda: replied_on(shop), what="the event of a reply")
    replied = {"n": 1, "calendar_sum_s": sent.since_start_s, "business_sum_s": sent.business_since_start_s}
    mine = {"channel": ticket["channel"], "agent": "anna"}

    async def there() -> bool:
        values = await numbers("first_reply", mine)
        return {name: values.get(name) for name in replied} == replied

    async def numbers(kpi: str, asked: dict[str, str]) -> dict[str, int]:
        answer = await shop.admin.get(f"/v1/metrics/{kpi}", params=asked)
        assert answer.is_success, answer.text
        return {name: value for group in answer.json()["groups"] for name, value in group["values"].items()}

    await eventually(there, what=f"a first reply of {sent.since_start_s} s")
    del mine["agent"]
    volume = await numbers("volume", mine)
    return {name: volume[name] for name in ("opened_n", "customer_messages_n", "replies_n")}


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_customer_writes_and_has_an_answer(shop: Shop, far: FarEnds, channel: str) -> None:
    ticket = await taken(shop, channel)
    message = await answered(shop, ticket)
    line = await came_to(shop, ticket, message, "sent", "delivered")
    assert (line["author"], line["by"], line["text"]) == ("agent", "anna", TEXT)
    assert far.received(channel) == [TEXT]
    assert await counted(shop, ticket) == {"opened_n": 1, "customer_messages_n": 1, "replies_n": 1}
    again = await shop.say(channel, "Thank you! And the bell, is it in the box?")
    assert again.is_success

    async def woken() -> bool:
        return bool((await shop.admin.get(f"/v1/tickets/{ticket['id']}")).json()["state"] == "open")

    if channel in ("telegram", "whatsapp"):  # a conversation; forms and mails join by what they name
        await eventually(woken, what="our turn again")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_one_trace_leads_from_the_webhook_to_the_answer(shop: Shop, far: FarEnds, channel: str) -> None:
    ticket = await taken(shop, channel)
    message = await answered(shop, ticket)
    await came_to(shop, ticket, message, "sent", "delivered")
    names = (
        "raw-inbound",
        "inbound-messages",
        "ticket-events",
        "routing-events",
        "outbound-commands",
        "delivery-events",
    )

    async def all_there() -> dict[str, set[str]]:
        found = await traces(shop.desk)
        return found if set(names) <= set(found) else {}

    found = await eventually(all_there, what="records on every topic")
    assert {name: found[name] for name in names} == dict.fromkeys(names, found["raw-inbound"])
    assert len(found["raw-inbound"]) == 1


async def test_a_provider_that_refuses_for_a_while_has_the_answer_once(shop: Shop, far: FarEnds) -> None:
    far.bot.next.extend([far.bot.refuses(429, retry_after=1), far.bot.refuses(500), far.bot.drops])
    far.form.next.extend([far.form.says(429, retry_after="1"), far.form.says(500), far.form.takes_and_drops])
    far.line.next.extend([far.line.refuses(429, 130429, retry_after="1"), far.line.refuses(400, 131056)])
    far.mail.next.extend([{"MAIL": "451 4.3.0 Later"}, {"RCPT": "452 4.2.2 Full"}])
    sent = {}
    for channel in ("http", "postmark", "whatsapp"):
        ticket = await taken(shop, channel)
        sent[channel] = (ticket, await answered(shop, ticket))
    for channel, (ticket, message) in sent.items():
        await came_to(shop, ticket, message, "sent", "delivered")
        assert far.received(channel) == [TEXT]


@pytest.mark.parametrize("channel", ["telegram", "postmark", "whatsapp"])
async def test_an_outcome_that_nobody_knows_is_shown_to_a_person_who_decides(
    shop: Shop, far: FarEnds, channel: str
) -> None:
    if channel == "telegram":
        far.bot.next.append(far.bot.takes_late(HANGS_S))
    elif channel == "whatsapp":
        far.line.next.append(far.line.takes_late(HANGS_S))
    else:
        far.mail.next.append({".": DROP, "taken": "yes"})
    ticket = await taken(shop, channel)
    message = await answered(shop, ticket)
    line = await came_to(shop, ticket, message, "unknown")
    assert line["delivery_reason"]
    anna = shop.agents["anna"].client
    (shown,) = (await anna.get("/v1/sends", params={"state": "unknown"})).json()["items"]
    assert shown["message"] == message
    decided = await anna.post(f"/v1/sends/{message}/resolve", json={"outcome": "sent"})
    assert decided.is_success, decided.text
    await came_to(shop, ticket, message, "sent")
    assert far.received(channel) == [TEXT]


async def test_pages_and_text_messages_are_answered_once_over_refusals_and_doubled_receipts(
    shop: Shop, far: FarEnds
) -> None:
    for channel in ("messenger", "instagram"):
        far.line.received.clear()
        far.line.next.append(far.line.refuses(429, 613, retry_after="1"))
        ticket = await taken(shop, channel)
        await came_to(shop, ticket, await answered(shop, ticket), "sent")
        assert far.received(channel) == [TEXT]
    far.sms.next.extend([far.sms.refuses(429, 20429, retry_after="1"), far.sms.says(503)])
    ticket = await taken(shop, "twilio")
    message = await answered(shop, ticket)
    await came_to(shop, ticket, message, "sent")
    ((sid, number, text),) = far.sms.received
    assert (number, text) == ("+31612340077", TEXT)
    for state in ("delivered", "sent", "delivered"):  # late and twice
        told = await shop.say("twilio", "", MessageSid=sid, MessageStatus=state)
        assert (told.status_code, told.text) == (200, "<Response/>")
    await came_to(shop, ticket, message, "delivered")
    far.sms.next.append(far.sms.takes_late(HANGS_S))
    unsure = await answered(shop, (await shop.admin.get(f"/v1/tickets/{ticket['id']}")).json())
    await came_to(shop, ticket, unsure, "unknown")
    assert far.received("twilio") == [TEXT, TEXT]


async def test_mails_over_other_providers_are_answered_once_over_refusals_and_doubled_events(
    shop: Shop, far: FarEnds
) -> None:
    answers = {}
    for channel in ("mailgun", "sendgrid"):
        far.mail.mails.clear()
        far.mail.next.extend([{"MAIL": "451 4.3.0 Later"}, {"RCPT": "452 4.2.2 Full"}])
        ticket = await taken(shop, channel)
        answers[channel] = (ticket, await answered(shop, ticket))
        await came_to(shop, *answers[channel], "sent")
        assert far.received(channel) == [TEXT]
    (mail,) = far.mail.mails
    broken = {"event": "delivered", "smtp-id": ""}
    delivered = {"event": "delivered", "smtp-id": mail["message-id"]}
    message = {"message": {"headers": {"message-id": f"{answers['mailgun'][1]}@bikes.example"}}}
    for event in ("delivered", "accepted", "delivered"):  # early, late and twice
        assert (await shop.say("mailgun", "", event=event, **message)).is_success
        assert (await shop.say("sendgrid", "", events=[broken, delivered])).is_success
    for channel in ("mailgun", "sendgrid"):
        await came_to(shop, *answers[channel], "delivered")
        far.mail.next.append({".": DROP, "taken": "yes"})
        again = (await shop.admin.get(f"/v1/tickets/{answers[channel][0]['id']}")).json()
        unsure = await answered(shop, again)
        await came_to(shop, answers[channel][0], unsure, "unknown")


async def test_files_go_both_ways_by_mail_and_the_reply_comes_home_by_its_token(shop: Shop, far: FarEnds) -> None:
    anna = shop.agents["anna"]
    await anna.available()
    photo = {"Name": "bent wheel.png", "ContentType": "image/png", "Content": "iVBORw0KGgo=", "ContentLength": 8}
    said = await shop.say("postmark", "My wheel is bent, see the photo.", Attachments=[photo])
    assert said.is_success, said.text
    (offer,) = await eventually(anna.offers, what="an offer")
    assert (await anna.accept(offer["id"])).is_success
    path = f"/v1/tickets/{offer['ticket']}"
    (line,) = (await anna.client.get(f"{path}/timeline")).json()["items"][:1]
    assert line["attachments"][0]["name"] == "bent wheel.png"
    seen = await anna.client.get(f"{path}/messages/{line['id']}/files/0")
    assert (seen.status_code, seen.content) == (200, b"\x89PNG\r\n\x1a\n")
    label = b"%PDF-1.7 " + bytes(range(256)) * 8000  # more than other requests may have
    headers = {"content-type": "application/pdf"}
    brought = await anna.client.post(f"{path}/files", params={"name": "label.pdf"}, content=label, headers=headers)
    assert brought.status_code == 201, brought.text
    body = {"text": TEXT, "files": [brought.json()["id"]]}
    answer = await anna.client.post(f"{path}/answers", json=body)
    assert answer.status_code == 201, answer.text
    await came_to(shop, {"id": offer["ticket"]}, answer.json()["message"], "sent")
    (mail,) = far.mail.mails
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("label.pdf", label)
    back = mail["reply-to"].addresses[0].addr_spec
    assert back.startswith("help+t")
    to = [{"Email": back, "Name": "", "MailboxHash": ""}]
    again = await shop.say("postmark", "It came, from my other address.", sender="78", ToFull=to)
    assert again.is_success, again.text

    async def home() -> bool:
        lines = (await anna.client.get(f"{path}/timeline")).json()["items"]
        return any(line["text"] == "It came, from my other address." for line in lines)

    await eventually(home, what="the reply on its ticket")


async def test_a_receipt_that_comes_before_the_answer_returns_is_not_lost(shop: Shop, far: FarEnds) -> None:
    ticket = await taken(shop, "http")

    async def tells_first(got: Any) -> Any:
        receipt = {"receipt": {"message": got.json["message"], "state": "delivered", "at": "2030-01-02T03:04:05Z"}}
        for _ in range(2):
            told = await shop.tell(receipt)
            assert told.is_success, told.text
        return await far.form.take(got)

    far.form.next.append(tells_first)
    message = await answered(shop, ticket)
    await came_to(shop, ticket, message, "delivered")

    async def has_it() -> bool:  # the far end tells twice before it takes: the timeline may be ahead of it
        return far.received("http") != []

    await eventually(has_it, what="the answer at the far end")
    assert far.received("http") == [TEXT]


async def test_the_desk_at_rest_after_answers_breaks_no_invariant(shop: Shop, far: FarEnds) -> None:
    for channel in CHANNELS:
        ticket = await taken(shop, channel)
        await came_to(shop, ticket, await answered(shop, ticket), "sent", "delivered")
    code, printed = await shop.desk.run("switchboard.verify")
    assert code == 0, printed
