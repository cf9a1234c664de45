"""The way out and back over WhatsApp: its statuses move the message in notify, also one whose send was lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.outbound_commands import Recipient
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.integration.notifying import ENVIRONMENT, HANGS_S, Notify, listening
from tests.providers.graph_api import GraphApi
from tests.shop import SECRET, WORKSPACE
from tests.stack import Stack
from tests.unit.channel_requests import change, hub_signed

LINE, TOKEN = "bikes-line", "the-access-token"


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    """Gateway, ingest and notify."""
    running = start_ingest(stack, ENVIRONMENT)
    code, output = stack.run(running.desk.run("services.notify", "migrate"))
    assert code == 0, output
    stack.run(running.desk.start("services.notify"))
    yield running
    stop_ingest(running)


async def told(ingest: Ingest, **status: Any) -> None:
    """A status of WhatsApp's."""
    body = json.dumps(change({"statuses": [{"timestamp": "1767323045"} | status]})).encode()
    request = {
        "url": f"/v1/inbound/whatsapp/{LINE}",
        "content": body,
        "headers": dict(hub_signed(body, SECRET).headers),
    }
    said = await ingest.send(request)
    assert (said.status_code, said.json()["accepted"]) == (200, 1), said.text


async def test_an_answer_goes_out_and_is_read_and_a_lost_one_is_found_by_its_status(ingest: Ingest) -> None:
    notify = Notify(ingest.desk, WORKSPACE)
    async with listening(far := GraphApi(TOKEN)):
        account = {"channel": "whatsapp", "shop": "bikes", "secrets": [{"value": SECRET}]}
        options = {"api_url": far.url, "phone_number_id": "106"}
        await ingest.put(LINE, account | {"credentials": [{"value": TOKEN}], "options": options})
        ada, ben = (Recipient(kind="phone", value=number) for number in ("+31612345678", "+4917612345678"))

        first = notify.answer(LINE, "Hello", channel="whatsapp", recipient=ada)
        await notify.publish(first)
        await notify.becomes(first.data.message, "sent")
        for state in ("delivered", "read"):
            await told(ingest, id="wamid.1", status=state)
        await notify.becomes(first.data.message, "read")

        far.next.append(far.takes_late(HANGS_S))
        second = notify.answer(LINE, "Hello, Ben", channel="whatsapp", recipient=ben)
        await notify.publish(second)
        await notify.becomes(second.data.message, "unknown")
        sent = json.loads(far.got[-1].body)
        await told(ingest, id="wamid.2", status="delivered", biz_opaque_callback_data=sent["biz_opaque_callback_data"])
        await notify.becomes(second.data.message, "delivered")

        third = notify.answer(LINE, "Too late", channel="whatsapp", recipient=ada)
        far.next.append(far.refuses(400, 131047))
        await notify.publish(third)
        shown = await notify.becomes(third.data.message, "failed")
        assert shown["reason"] == "window-closed"
    assert far.received == [("+31612345678", "Hello"), ("+4917612345678", "Hello, Ben")]
