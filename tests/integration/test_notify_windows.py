"""Whom the customer's silence keeps from being written to: text fails with a reason, a template goes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.outbound_commands import Recipient, Template
from tests.desk import Desk
from tests.integration.notifying import TOKEN, Notify, listening, new_workspace, one_desk
from tests.providers.graph_api import GraphApi
from tests.stack import Stack

ADA = Recipient(kind="phone", value="+31612345678")
TEMPLATE = Template(name="still_there", language="en_US")
DAY = timedelta(hours=24)


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Notify alone."""
    yield from one_desk(stack)


@pytest.fixture
def notify(desk: Desk) -> Notify:
    """A workspace."""
    return new_workspace(desk)


async def test_after_the_window_text_fails_with_the_reason_and_a_template_goes(notify: Notify) -> None:
    now = datetime.now(UTC)
    async with listening(far := GraphApi(TOKEN)):
        line = await notify.account("line", "whatsapp", api_url=far.url, phone_number_id="106")
        to = {"channel": "whatsapp", "recipient": ADA}
        late = await notify.send(line, "Too late", heard_at=now - DAY, **to)
        assert (await notify.becomes(late, "failed"))["reason"] == "window-closed"
        again = await notify.send(line, "Hello?", heard_at=now - DAY, template=TEMPLATE, **to)
        await notify.becomes(again, "sent")
        soon = await notify.send(line, "Hello!", heard_at=now, template=TEMPLATE, **to)
        await notify.becomes(soon, "sent")
        await notify.told(soon, "queued", "sent")
    assert [text for _, text in far.received] == ["still_there", "Hello!"]
