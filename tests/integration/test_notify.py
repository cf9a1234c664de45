"""Notify over the real bus: each answer reaches the customer once, however the provider behaves."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.notifying import HANGS_S, SECRET, TOKEN, Notify, listening, new_workspace, one_desk
from tests.providers.bot_api import BotApi
from tests.providers.callback import Callback
from tests.providers.smtp import DROP, HANG, SmtpServer
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Notify alone."""
    yield from one_desk(stack)


@pytest.fixture
def notify(desk: Desk) -> Notify:
    """A workspace."""
    return new_workspace(desk)


async def test_an_answer_reaches_the_messenger_once_and_is_told_as_sent(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        event = notify.answer(bot, "On its way!", thread="77", in_reply_to=("77:5", "77:6"))
        await notify.publish(event, event)
        queued, sent = await notify.told(event.data.message, "queued", "sent")
    (got,) = api.got
    assert got.path == f"/bot{TOKEN}/sendMessage"
    assert got.json == {
        "chat_id": 77, "text": "On its way!",
        "reply_parameters": {"message_id": 6, "allow_sending_without_reply": True},
    }  # fmt: skip
    assert (sent.data.ticket, sent.data.person, sent.shop) == (event.data.ticket, event.data.person, "bikes")
    assert queued.trace and sent.trace and event.trace
    assert {t[3:35] for t in (queued.trace, sent.trace)} == {event.trace[3:35]}


async def test_a_long_answer_goes_in_parts_and_in_order(notify: Notify) -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 300 for number in range(6))
    async with listening(api := BotApi()):
        api.next.extend([api.take, api.refuses(500), api.takes_late(0)])
        message = await notify.send(await notify.bot(api.url), text)
        await notify.becomes(message, "sent")
    parts = [said for _, said in api.received]
    assert len(parts) == 3 and " ".join(" ".join(parts).split()) == " ".join(text.split())


async def test_an_answer_is_posted_signed_with_its_key(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        message = await notify.send(await notify.form(shop.url + "/answers"), "Hello", to="c1", subject="Order")
        await notify.becomes(message, "sent")
    body = shop.received[str(message)]
    assert (body["text"], body["subject"], body["recipient"]["value"]) == ("Hello", "Order", "c1")


async def test_an_answer_goes_by_mail_into_its_thread(notify: Notify) -> None:
    async with listening(server := SmtpServer()):
        box = await notify.mailbox(server.port, from_name="Canal Bikes", smtp_user="care")
        message = await notify.send(
            box, "Grüße,\n.\nAnna", to="ada@example.org", subject="Wo?", thread="a1@example.org"
        )
        await notify.becomes(message, "sent")
    (mail,) = server.mails
    assert (mail["from"], mail["to"], mail["subject"]) == (
        "Canal Bikes <care@bikes.example>",
        "ada@example.org",
        "Re: Wo?",
    )
    assert (mail["message-id"], mail["in-reply-to"]) == (f"<{message}@bikes.example>", "<a1@example.org>")
    plain = mail.get_body(("plain",))
    assert plain is not None and plain.get_content().split() == ["Grüße,", ".", "Anna"]
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)


async def test_mails_share_a_session_until_its_server_gives_it_up(notify: Notify) -> None:
    async with listening(server := SmtpServer()):
        box = await notify.mailbox(server.port, smtp_user="care")
        for text in ("one", "two"):
            await notify.becomes(await notify.send(box, text, to="ada@example.org"), "sent")
        assert [command.split()[0] for command in server.commands].count("EHLO") == 1
        server.next.extend([{"MAIL": "421 4.4.2 Idle for too long"}, {}, {"MAIL": DROP}])
        for text in ("three", "four"):
            await notify.becomes(await notify.send(box, text, to="ada@example.org"), "sent")
        assert [command.split()[0] for command in server.commands].count("EHLO") == 3
    assert [mail.get_body(("plain",)).get_content().strip() for mail in server.mails] == ["one", "two", "three", "four"]


async def test_too_many_requests_wait_as_long_as_the_provider_says(notify: Notify) -> None:
    async with listening(api := BotApi()):
        api.next.append(api.refuses(429, "Too Many Requests", retry_after=2))
        started = asyncio.get_running_loop().time()
        await notify.becomes(await notify.send(await notify.bot(api.url), "patience"), "sent")
        assert asyncio.get_running_loop().time() - started >= 2
    assert [text for _, text in api.received] == ["patience"]


async def test_a_failing_provider_gets_it_again_and_the_customer_once(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        shop.next.extend(
            [shop.says(500), shop.says(429, retry_after="1"), shop.takes_and_drops, shop.takes_late(HANGS_S)]
        )
        message = await notify.send(await notify.form(shop.url), "once")
        shown = await notify.becomes(message, "sent")
    assert (shop.texts, shown["attempts"]) == (["once"], 5)
    await notify.told(message, "queued", "sent")


async def test_a_provider_that_nobody_reaches_is_tried_again(notify: Notify) -> None:
    api = BotApi()
    await api.start()
    bot = await notify.bot(api.url)
    port = api.port
    await api.stop()
    message = await notify.send(bot, "later")

    async def tried() -> bool:
        return (await notify.shown(message)).get("attempts", 0) >= 1

    await eventually(tried, what="a try")
    assert (await notify.shown(message))["reason"] == "no-connection"
    again = BotApi()
    again._server = await asyncio.start_server(again._serve, "127.0.0.1", port)
    await notify.becomes(message, "sent")
    await again.stop()
    assert len(again.received) == 1


@pytest.mark.parametrize("how", ["drops the connection", "answers too late"])
async def test_a_messenger_that_took_it_and_said_nothing_leaves_it_unknown(notify: Notify, how: str) -> None:
    async with listening(api := BotApi()):
        api.next.append(api.takes_and_drops if how.startswith("drops") else api.takes_late(HANGS_S))
        message = await notify.send(await notify.bot(api.url), "sent or not?")
        shown = await notify.becomes(message, "unknown")
        behind = await notify.send(f"{notify.workspace}-bot", "the next one")
        await notify.becomes(behind, "sent")
    assert shown["reason"] == ("connection-lost" if how.startswith("drops") else "timeout")
    assert [text for _, text in api.received] == ["sent or not?", "the next one"]


async def test_a_mail_whose_answer_is_lost_is_unknown_and_a_refused_one_is_not(notify: Notify) -> None:
    async with listening(server := SmtpServer()):
        server.next.extend(
            [{".": DROP, "taken": "yes"}, {".": "452 4.3.1 Full"}, {}, {"RCPT": "550 5.1.1 Nobody"}, {"DATA": HANG}]
        )
        box = await notify.mailbox(server.port)
        lost = await notify.send(box, "lost", to="a@example.org")
        await notify.becomes(lost, "unknown")
        full = await notify.send(box, "full", to="b@example.org")
        assert (await notify.becomes(full, "sent"))["attempts"] == 2
        nobody = await notify.send(box, "nobody", to="c@example.org")
        assert (await notify.becomes(nobody, "failed"))["reason"] == "no-such-recipient"
        assert (await notify.becomes(await notify.send(box, "hang", to="d@example.org"), "unknown"))[
            "reason"
        ] == "timeout"
    assert [mail["to"] for mail in server.mails] == ["a@example.org", "b@example.org"]


async def test_a_customer_who_blocked_us_is_not_tried_again(notify: Notify) -> None:
    async with listening(api := BotApi()):
        api.next.append(api.refuses(403, "Forbidden: bot was blocked by the user"))
        message = await notify.send(await notify.bot(api.url), "hello?")
        shown = await notify.becomes(message, "failed")
    assert (shown["reason"], shown["attempts"]) == ("blocked", 1)
    failed = (await notify.told(message, "queued", "failed"))[1]
    assert failed.data.reason == "blocked"


async def test_a_conversation_keeps_its_order_while_others_go_on(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        api.next.extend([api.refuses(500), api.refuses(500)])
        first = notify.answer(bot, "one", to="1")
        await notify.publish(first, *[notify.answer(bot, text, to="1") for text in ("two", "three")])
        other = await notify.send(bot, "aside", to="2")
        await notify.becomes(other, "sent")

        async def all_there() -> bool:
            return len(api.received) == 4

        await eventually(all_there, what="four messages")
    assert [text for chat, text in api.received if chat == 1] == ["one", "two", "three"]


async def test_a_slow_provider_delays_only_itself(notify: Notify) -> None:
    async with listening(slow := Callback(SECRET), quick := BotApi()):
        slow.always = slow.takes_late(HANGS_S)
        form, bot = await notify.form(slow.url), await notify.bot(quick.url)
        for number in range(30):
            await notify.send(form, "slow", to=f"c{number}")
        started = asyncio.get_running_loop().time()
        await notify.becomes(await notify.send(bot, "quick"), "sent")
        assert asyncio.get_running_loop().time() - started < 2


async def test_an_account_sends_no_faster_than_it_may(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url, rate_per_s="4")
        started = asyncio.get_running_loop().time()
        await notify.publish(*[notify.answer(bot, str(number), to=str(number)) for number in range(1, 11)])

        async def all_there() -> bool:
            return len(api.received) == 10

        await eventually(all_there, what="ten messages")
        assert asyncio.get_running_loop().time() - started >= 1.4


async def test_what_waits_for_its_account_goes_when_it_is_there(notify: Notify) -> None:
    async with listening(api := BotApi()):
        message = await notify.send(f"{notify.workspace}-bot", "early")
        await notify.becomes(message, "queued")
        await notify.bot(api.url)
        await notify.becomes(message, "sent")


async def test_a_receipt_that_comes_before_the_answer_returns_counts(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        shop.next.append(shop.takes_late(0.7))
        form = await notify.form(shop.url)
        message = await notify.send(form, "quick reader")

        async def asked() -> bool:
            return bool(shop.got)

        await eventually(asked, what="the request")
        await notify.publish(notify.receipt(form, message, "delivered"))
        await notify.becomes(message, "delivered")
    await notify.told(message, "queued", "delivered")
    assert len(shop.got) == 1


async def test_a_receipt_that_comes_before_its_command_waits_for_it(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        form, message = await notify.form(shop.url), uuid4()
        await notify.publish(notify.receipt(form, message, "read"), notify.receipt(form, uuid4(), "read"))
        connection = await notify.database()

        async def kept() -> bool:
            query = "select count(*) from receipts where workspace = $1"
            return bool(await connection.fetchval(query, notify.workspace) == 2)

        await eventually(kept, what="two receipts")
        await notify.publish(notify.answer(form, "from the past", message=message))
        await notify.becomes(message, "read")
        await connection.close()


async def test_late_and_repeated_receipts_change_nothing(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        form = await notify.form(shop.url)
        message = await notify.send(form, "hello")
        await notify.becomes(message, "sent")
        for state in ("read", "delivered", "failed", "sent", "read"):
            await notify.publish(notify.receipt(form, message, state))
        other = await notify.send(form, "bye")
        await notify.becomes(other, "sent")
        await notify.publish(notify.receipt(form, other, "failed", reason="mailbox-full"))
        assert (await notify.becomes(other, "failed"))["reason"] == "mailbox-full"
    await notify.told(message, "queued", "sent", "read")


async def test_a_person_decides_what_became_of_an_unknown_message(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        api.next.extend([api.drops, api.takes_and_drops, api.drops])
        messages = [await notify.send(bot, text, to=text) for text in ("1", "2", "3")]
        for message in messages:
            await notify.becomes(message, "unknown")
        async with notify.client() as asking:
            listed = (await asking.get("/v1/sends", params={"state": "unknown"})).json()
            assert {item["message"] for item in listed["items"]} == set(map(str, messages))
            for message, outcome in zip(messages, ("resend", "sent", "failed"), strict=True):
                path, key = f"/v1/sends/{message}/resolve", {"idempotency-key": outcome}
                answers = [await asking.post(path, json={"outcome": outcome}, headers=key) for _ in range(2)]
                assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
                assert answers[0].content == answers[1].content
            again = await asking.post(f"/v1/sends/{messages[1]}/resolve", json={"outcome": "resend"})
            assert again.status_code == 409
        await notify.becomes(messages[0], "sent")
    assert sorted(text for _, text in api.received) == ["1", "2"]
    await notify.told(messages[0], "queued", "unknown", "queued", "sent")
    await notify.told(messages[2], "queued", "unknown", "failed")


async def test_sends_are_seen_by_their_workspace_and_shops_only(notify: Notify) -> None:
    message = await notify.send(f"{notify.workspace}-bot", "mine")
    await notify.becomes(message, "queued")
    for client, status in (
        (notify.client(workspace="other"), 404),
        (notify.client(shops=("bells",)), 404),
        (notify.client(shops=("bikes",)), 200),
    ):
        async with client as asking:
            assert (await asking.get(f"/v1/sends/{message}")).status_code == status
            assert len((await asking.get("/v1/sends")).json()["items"]) == (status == 200)
    async with notify.client("integrator") as asking:
        assert (await asking.post(f"/v1/sends/{message}/resolve", json={"outcome": "sent"})).status_code == 403


async def test_the_list_is_read_page_by_page(notify: Notify) -> None:
    wanted = [await notify.send(f"{notify.workspace}-bot", str(number)) for number in range(5)]
    await notify.becomes(wanted[-1], "queued")
    seen: list[str] = []
    async with notify.client() as asking:
        page = {"next": None}
        while page["next"] is not None or not seen:
            given = {"limit": 2} | ({"cursor": page["next"]} if page["next"] else {})
            page = (await asking.get("/v1/sends", params=given)).json()
            seen += [item["message"] for item in page["items"]]
    assert seen == [str(message) for message in reversed(wanted)]


async def test_an_answer_that_no_provider_takes_is_given_up(notify: Notify) -> None:
    connection = await notify.database()
    message = await notify.send(f"{notify.workspace}-bot", "old")
    await notify.becomes(message, "queued")
    await connection.execute("update sends set queued_at = now() - interval '2 days' where message = $1", message)
    assert (await notify.becomes(message, "failed"))["reason"] == "too-old"
    await connection.close()


async def test_verify_finds_nothing_wrong_and_every_command_in_the_ledger(notify: Notify) -> None:
    event = notify.answer(f"{notify.workspace}-bot", "there")
    await notify.publish(event)
    await notify.becomes(event.data.message, "queued")
    assert await notify.desk.run("services.notify", "verify") == (0, "")
    connection = await notify.database()
    assert await connection.fetchval("select command from sends where message = $1", event.data.message) == event.id
    await connection.close()
    assert datetime.now(UTC) - event.time < timedelta(minutes=1)
