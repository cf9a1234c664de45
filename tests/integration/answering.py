"""What an agent's answer looks like from outside: the command, notify's words on it, and its line on the timeline."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.contracts.outbound_commands import SendMessage
from shared.ids import derived_id
from shared.telemetry.trace import child
from tests.eventually import eventually
from tests.factories import START
from tests.integration.ticketing import Tickets

TEXT = "Your bicycle comes tomorrow."


async def ask(tickets: Tickets, path: str, body: Any, *, agent: str | None = "anna", key: str = "") -> httpx.Response:
    async with tickets.client(agent=agent) as client:
        return await client.post(path, json=body, headers={"idempotency-key": key} if key else {})


async def answer(
    tickets: Tickets, ticket: UUID, key: str = "", agent: str | None = "anna", **more: Any
) -> httpx.Response:
    return await ask(tickets, f"/v1/tickets/{ticket}/answers", {"text": TEXT, **more}, agent=agent, key=key)


async def opened(tickets: Tickets, **more: Any) -> UUID:
    ticket = await tickets.write(**more)
    await tickets.timeline(ticket, 1)
    return ticket


async def commands(tickets: Tickets, count: int) -> list[Event[SendMessage]]:
    """What notify is asked to send for this workspace, once it is so many."""
    return await tickets.told(count, "outbound-commands")


def delivered(ticket: UUID, message: str, state: Any, version: int, **more: Any) -> Event[DeliveryChanged]:
    """Notify's word on a message."""
    at = START + timedelta(hours=2)
    fields = {
        "message": message,
        "ticket": ticket,
        "person": UUID(int=1),
        "channel": "telegram",
        "account": "bikes-bot",
    }
    data = DeliveryChanged(**{**fields, "state": state, "at": at, **more})
    id_ = derived_id(UUID(message), data.TYPE, f"{state}:{version}")
    return Event(id_, "notify", at, "", data, shop="bikes", version=version, trace=child(None))


async def line(tickets: Tickets, ticket: UUID, message: str) -> dict[str, Any]:
    found = await shown(tickets, ticket, message)
    assert found is not None
    return found


async def shown(tickets: Tickets, ticket: UUID, message: str) -> dict[str, Any] | None:
    async with tickets.client() as asking:
        try:
            answer = await asking.get(f"/v1/tickets/{ticket}/timeline")
        except httpx.TransportError:
            return None
    lines = answer.json()["items"] if answer.status_code == 200 else []  # else its database is being restored
    return next((one for one in lines if one["id"] == message), None)


async def until(tickets: Tickets, ticket: UUID, message: str, delivery: str) -> dict[str, Any]:
    async def there() -> dict[str, Any] | None:
        found = await shown(tickets, ticket, message)
        return found if found and found["delivery"] == delivery else None

    return await eventually(there, timeout_s=60, what=f"a message that is {delivery}")
