"""The way back: what a provider says to ingest moves the message in notify."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from shared.contracts.envelope import Event
from shared.contracts.outbound_commands import SendMessage
from tests.integration.ingests import Ingest, signed, start_ingest, stop_ingest
from tests.integration.notifying import ENVIRONMENT, Notify, listening
from tests.providers.callback import Callback
from tests.providers.smtp import SmtpServer
from tests.shop import FORM, MAILBOX, SECRET, WORKSPACE
from tests.stack import Stack


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    """Gateway, ingest and notify."""
    running = start_ingest(stack, ENVIRONMENT)
    code, output = stack.run(running.desk.run("services.notify", "migrate"))
    assert code == 0, output
    stack.run(running.desk.start("services.notify"))
    yield running
    stop_ingest(running)


@pytest.fixture
def notify(ingest: Ingest) -> Notify:
    """The workspace that ingest's accounts are in."""
    return Notify(ingest.desk, WORKSPACE)


async def sent(notify: Notify, event: Event[SendMessage]) -> Event[SendMessage]:
    """Ask for it and wait until the provider has it."""
    await notify.publish(event)
    await notify.becomes(event.data.message, "sent")
    return event


async def test_a_program_says_that_the_customer_has_read_the_answer(ingest: Ingest, notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        document = {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}]}
        await ingest.put(FORM, document | {"options": {"callback_url": shop.url}})
        event = await sent(notify, notify.answer(FORM, "Hello", channel="http", to="c1"))
    for state in ("read", "delivered"):
        body = orjson.dumps({"receipt": {"message": str(event.data.message), "state": state}})
        said = await ingest.send(signed(body))
        assert (said.status_code, said.json()["accepted"]) == (202, 1)
    await notify.becomes(event.data.message, "read")
    await notify.told(event.data.message, "queued", "sent", "read")


async def test_what_was_read_up_to_a_moment_moves_all_that_was_sent_by_then(ingest: Ingest, notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        document = {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}]}
        await ingest.put(FORM, document | {"options": {"callback_url": shop.url}})
        first = await sent(notify, notify.answer(FORM, "One", channel="http", to="c2"))
        other = await sent(notify, notify.answer(FORM, "Two", channel="http", to="c3"))
        moment = datetime.now(UTC)
        later = await sent(notify, notify.answer(FORM, "Three", channel="http", to="c2"))
        await notify.publish(notify.watermark(FORM, "c2", "read", moment))
        await notify.becomes(first.data.message, "read")
        await notify.told(first.data.message, "queued", "sent", "read")
        assert [(await notify.shown(e.data.message))["state"] for e in (other, later)] == ["sent", "sent"]


async def test_what_was_read_before_its_send_is_recorded_moves_up_with_it(ingest: Ingest, notify: Notify) -> None:
    async with listening(shop := Callback(SECRET)):
        document = {"channel": "http", "shop": "bikes", "secrets": [{"value": SECRET}]}
        await ingest.put(FORM, document | {"options": {"callback_url": shop.url}})
        ahead = datetime.now(UTC) + timedelta(minutes=1)
        await notify.publish(notify.watermark(FORM, "c4", "read", ahead))
        await notify.publish(notify.watermark(FORM, "c4", "delivered", ahead))
        marker = await sent(notify, notify.answer(FORM, "Hello", channel="http", to="c5"))
        event = notify.answer(FORM, "Hello", channel="http", to="c4")
        await notify.publish(event)
        await notify.becomes(event.data.message, "read")
    assert (await notify.shown(marker.data.message))["state"] == "sent"
    connection = await notify.database()
    try:
        rows = await connection.fetch("select state, through from watermarks order by state")
    finally:
        await connection.close()
    assert {row["state"] for row in rows} == {"read", "delivered"}
    assert await notify.desk.run("services.notify", "verify") == (0, "")


async def test_a_mail_goes_out_with_the_accounts_password_and_its_bounce_comes_back(
    ingest: Ingest, notify: Notify
) -> None:
    async with listening(server := SmtpServer()):
        options = {
            "smtp_host": "127.0.0.1",
            "smtp_port": str(server.port),
            "smtp_tls": "none",
            "from": "care@bells.example",
        }
        document = {"channel": "postmark", "shop": "bells", "secrets": [{"value": SECRET}], "options": options}
        await ingest.put(MAILBOX, document | {"credentials": [{"value": "server-token"}]})
        event = await sent(notify, notify.answer(MAILBOX, "Hello", channel="postmark", to="ada@example.org"))
    (mail,) = server.mails
    assert any(command.startswith("AUTH PLAIN") for command in server.commands)
    metadata = {"message": mail["x-pm-metadata-message"]}
    bounce = {"RecordType": "Bounce", "Type": "HardBounce", "MessageID": "8b1e", "Metadata": metadata}
    async with httpx.AsyncClient(base_url=ingest.desk.url("ingest")) as provider:
        url = f"/v1/inbound/postmark/{MAILBOX}"
        said = await provider.post(url, json=bounce, auth=("any", SECRET))
        assert (said.status_code, len(said.json()["ids"])) == (200, 1)
        opened = await provider.post(url, json=bounce | {"RecordType": "Click"}, auth=("any", SECRET))
        assert opened.json()["ignored"] == "not-a-receipt"
    shown = await notify.becomes(event.data.message, "failed")
    assert shown["reason"] == "hard-bounce"


async def test_an_accounts_password_is_never_shown(ingest: Ingest) -> None:
    async with ingest.admin() as admin:
        shown = await admin.get(f"/v1/settings/account/{MAILBOX}")
    assert shown.json()["document"]["credentials"][0]["sealed"].startswith("…")
    assert "server-token" not in shown.text
