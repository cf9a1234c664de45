"""Notify killed, stopped, or with its database set back: what customers have is neither lost nor doubled."""

import asyncio
import signal
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.campaign import database
from tests.integration.notifying import HANGS_S, SECRET, Notify, listening, new_workspace, open_desk
from tests.providers.bot_api import BotApi
from tests.providers.callback import Callback
from tests.providers.web import WebProvider
from tests.stack import Stack


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """Notify alone, to be played with."""
    running = await asyncio.to_thread(stack.run, open_desk(stack))
    yield running
    running.stop()
    await stack.drop_database(running.database)


@pytest.fixture
def notify(desk: Desk) -> Notify:
    """A workspace on it."""
    return new_workspace(desk)


async def killed_in_the_middle(notify: Notify, provider: WebProvider, account: str) -> UUID:
    """Send, and kill notify while the provider has the message and has not answered."""
    provider.next.append(provider.takes_late(HANGS_S))
    message = await notify.send(account, "only once")

    async def asked() -> bool:
        return bool(provider.got)

    await eventually(asked, what="the request")
    notify.desk.processes["notify"].kill()
    await notify.desk.start("services.notify")
    return message


async def test_a_kill_between_claim_and_outcome_leaves_the_message_unknown_where_nobody_can_be_asked(
    notify: Notify,
) -> None:
    async with listening(api := BotApi()):
        message = await killed_in_the_middle(notify, api, await notify.bot(api.url))
        behind = await notify.send(f"{notify.workspace}-bot", "next")
        assert (await notify.becomes(message, "unknown"))["reason"] == "no-outcome"
        await notify.becomes(behind, "sent")
        assert (await notify.shown(message))["state"] == "unknown"
    assert [text for _, text in api.received] == ["only once", "next"]


async def test_a_kill_between_claim_and_outcome_is_repeated_under_its_key_where_there_is_one(notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        message = await killed_in_the_middle(notify, shop, await notify.form(shop.url))
        await notify.becomes(message, "sent")
    assert (shop.texts, len(shop.got)) == (["only once"], 2)


async def test_on_sigterm_a_call_under_way_ends_and_is_recorded(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        api.next.append(api.takes_late(0.7))
        message = await notify.send(bot, "wait for me")

        async def asked() -> bool:
            return bool(api.got)

        await eventually(asked, what="the request")
        process = notify.desk.processes["notify"]
        process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait) == 0
        await notify.desk.start("services.notify")
        assert (await notify.becomes(message, "sent"))["attempts"] == 1
    assert len(api.got) == 1


async def test_two_replicas_send_each_message_once_and_keep_conversations_in_order(notify: Notify) -> None:
    await notify.desk.start("services.notify#2")
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        events = [notify.answer(bot, str(number), to=str(number % 20)) for number in range(200)]
        await notify.publish(*events)

        async def all_there() -> bool:
            return len(api.received) >= len(events)

        await eventually(all_there, what="all messages")
        for event in events:
            await notify.becomes(event.data.message, "sent")
    assert sorted(int(text) for _, text in api.received) == list(range(200))
    for chat in range(20):
        texts = [int(text) for to, text in api.received if to == chat]
        assert texts == sorted(texts)
    assert await notify.desk.run("services.notify", "verify") == (0, "")


async def test_a_restored_database_sends_nothing_that_customers_have(notify: Notify) -> None:
    async with listening(api := BotApi()):
        bot = await notify.bot(api.url)
        await notify.becomes(await notify.send(bot, "long ago", to="1"), "sent")
        api.always = api.says(503)
        waiting = await notify.send(bot, "in the copy", to="2")
        await notify.becomes(waiting, "queued")
        copy = await database.snapshot(notify.desk)
        api.always = None
        await notify.becomes(waiting, "sent")
        since = [await notify.send(bot, f"since {number}", to=str(number)) for number in range(3, 13)]
        for message in since:
            await notify.becomes(message, "sent")
        await notify.told(since[-1], "queued", "sent")
        before = len(api.received)
        await database.restore(notify.desk, copy)
        for message in (waiting, *since):
            await notify.becomes(message, "sent", timeout_s=90)
        await notify.becomes(await notify.send(bot, "afterwards", to="99"), "sent", timeout_s=60)
    assert [text for _, text in api.received[before:]] == ["afterwards"]
    assert len({text for _, text in api.received}) == len(api.received)
