"""Who looks at a ticket, and who types: told to whoever has a stream and may see the ticket, and stored nowhere."""

import time
from collections.abc import Hashable
from datetime import timedelta
from uuid import UUID

import orjson
from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.api_keys import WITH_KEY
from services.gateway.caller import Entered
from services.gateway.forward import Forwarder
from services.gateway.front import entered
from shared.bus import codec
from shared.contracts.envelope import Event
from shared.contracts.signals import Looking, TicketViewed
from shared.errors import Forbidden, NotFound, StoreUnavailable
from shared.http import problems
from shared.identity import Identity
from shared.ids import derived_id, new_id
from shared.service import Runtime

LASTS = timedelta(seconds=20)
"""Who says nothing for so long is gone; a client says it again every 10 seconds."""
TOLD_AGAIN_AFTER_S = 3.0
"""The same word sooner than this is taken, and not told again."""
VISIBLE_FOR_S = 30.0
"""For how long the tickets' owner is not asked again whether the caller may see a ticket."""
CONFIRMED_WITHIN_S = 2.0
_REMEMBERED_MAX = 10_000


class NowViewing(BaseModel):
    """What the caller does."""

    model_config = ConfigDict(extra="forbid")

    state: Looking = Field(description="Say it again every 10 seconds; it lapses after 20. `gone` when he leaves")


class Recent:
    """What was said or learned a moment ago, by name; bounded."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: dict[Hashable, tuple[float, str | None]] = {}

    def get(self, name: Hashable) -> tuple[str | None] | None:
        """What was kept under the name, in a tuple; None where nothing was, or too long ago."""
        kept = self._kept.get(name)
        return (kept[1],) if kept is not None and time.monotonic() - kept[0] < self._seconds else None

    def put(self, name: Hashable, value: str | None) -> None:
        """Keep it from now on."""
        if len(self._kept) >= _REMEMBERED_MAX:
            self._kept.clear()
        self._kept[name] = (time.monotonic(), value)


class Viewing:
    """Turns what clients say into signals."""

    def __init__(self, runtime: Runtime, forwarder: Forwarder) -> None:
        self._runtime = runtime
        self._forwarder = forwarder
        self._said = Recent(TOLD_AGAIN_AFTER_S)
        self._shops = Recent(VISIBLE_FOR_S)

    async def tell(self, who: Entered, ticket: UUID, state: Looking) -> None:
        """Say what the caller does; raises NotFound where he may not see the ticket, BusUnavailable without Kafka."""
        identity = who.identity
        shop = await self._shop(identity, ticket)
        if identity.agent is None:
            raise Forbidden("only agents look at tickets; use a session or a key of an agent", reason="no_agent")
        session = derived_id(ticket, "viewing", who.session or identity.principal)
        if self._said.get((identity.workspace, session)) == (state,):
            return
        now = self._runtime.clock()
        data = TicketViewed(session=session, ticket=ticket, agent=identity.agent, state=state, until=now + LASTS)
        event = Event(new_id(), "gateway", now, identity.workspace, data, shop=shop)
        await self._runtime.producer.send(event.topic, event.key, codec.encode(event), [], timeout_s=CONFIRMED_WITHIN_S)
        self._said.put((identity.workspace, session), state)

    async def _shop(self, identity: Identity, ticket: UUID) -> str | None:
        """The shop of a ticket that the caller may see, as the tickets' owner says."""
        known = self._shops.get((identity, ticket))
        if known is not None:
            return known[0]
        status, body = await self._forwarder.look("tickets", identity, f"/v1/tickets/{ticket}")
        if status == 404:
            raise NotFound(f"there is no ticket {ticket}")
        if status != 200:
            raise StoreUnavailable(f"tickets answered {status}; say it again", reason="owner_down")
        shop: str | None = orjson.loads(body)["shop"]
        self._shops.put((identity, ticket), shop)
        return shop


def add_viewing(app: FastAPI, viewing: Viewing) -> None:
    """Put the route on the app."""

    @app.post(
        "/v1/tickets/{id}/viewing",
        status_code=204,
        responses=problems(404),
        dependencies=[Depends(WITH_KEY)],
        tags=["stream"],
    )
    async def view(id: UUID, wanted: NowViewing, request: Request) -> Response:
        """Tell colleagues who may see the ticket that the caller looks at it, types, or has left.

        They hear `signal.viewing` on their streams, with `ticket`, `agent`, `state` and `until`. Nothing is stored.
        """
        await viewing.tell(entered(request), id, wanted.state)
        return Response(status_code=204)
