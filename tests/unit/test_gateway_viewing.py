"""Saying who looks at a ticket: asked of the owner seldom, told once where nothing is new, and only by agents."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from services.gateway.caller import Entered
from services.gateway.forward import Forwarder
from services.gateway.viewing import LASTS, Viewing
from shared.contracts.signals import Looking
from shared.errors import Forbidden, NotFound, StoreUnavailable
from shared.identity import Identity
from shared.service import Runtime

NOW = datetime(2026, 1, 2, 9, tzinfo=UTC)
TICKET = UUID(int=7)


class Far:
    """The tickets' owner and the log."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked: list[str] = []
        self.sent: list[dict[str, Any]] = []

    async def look(self, owner: str, _who: Identity, path: str) -> tuple[int, bytes]:
        self.asked.append(f"{owner}{path}")
        return self.status, b'{"shop":"bikes"}'

    async def send(self, topic: str, _key: bytes, value: bytes, _headers: Any, *, timeout_s: float) -> None:
        assert topic == "signals"
        assert timeout_s <= 2
        self.sent.append(orjson.loads(value))


def viewing(far: Far) -> Viewing:
    runtime = SimpleNamespace(producer=far, clock=lambda: NOW)
    return Viewing(cast("Runtime", runtime), cast("Forwarder", far))


def who(agent: str | None = "anna", session: str = "s-1") -> Entered:
    return Entered(Identity("user/1", "agent", "main", ("bikes",), agent), session=session)


async def test_what_is_said_goes_out_with_its_shop_and_its_end() -> None:
    far = Far()
    await viewing(far).tell(who(), TICKET, "typing")
    (record,) = far.sent
    assert (record["shop"], record["workspace"], record["data"]["agent"]) == ("bikes", "main", "anna")
    assert datetime.fromisoformat(record["data"]["until"]) == NOW + LASTS == NOW + timedelta(seconds=20)
    assert "s-1" not in str(record)


async def test_the_same_word_at_once_is_told_once_and_the_owner_is_asked_once() -> None:
    far = Far()
    looks = viewing(far)
    said: list[Looking] = ["viewing", "viewing", "typing", "viewing", "gone"]
    for state in said:
        await looks.tell(who(), TICKET, state)
    await looks.tell(who(session="s-2"), TICKET, "gone")
    told = [(record["data"]["state"], record["data"]["session"]) for record in far.sent]
    assert [state for state, _ in told] == ["viewing", "typing", "viewing", "gone", "gone"]
    assert len({session for _, session in told}) == 2
    assert far.asked == [f"tickets/v1/tickets/{TICKET}"]


async def test_a_ticket_that_the_caller_may_not_see_is_not_there() -> None:
    far = Far(404)
    with pytest.raises(NotFound):
        await viewing(far).tell(who(), TICKET, "viewing")
    assert far.sent == []


async def test_an_owner_that_does_not_answer_well_is_asked_again() -> None:
    far = Far(503)
    looks = viewing(far)
    with pytest.raises(StoreUnavailable):
        await looks.tell(who(), TICKET, "viewing")
    far.status = 200
    await looks.tell(who(), TICKET, "viewing")
    assert len(far.sent) == 1


async def test_who_is_no_agent_looks_at_nothing() -> None:
    with pytest.raises(Forbidden):
        await viewing(Far()).tell(who(agent=None), TICKET, "viewing")
