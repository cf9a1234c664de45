"""The route of the live stream: server-sent events to whoever may hear them."""

import asyncio
from collections.abc import MutableMapping
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Request, Response
from starlette.types import Receive, Scope, Send

from services.gateway.api_keys import WITH_KEY
from services.gateway.front import entered
from services.gateway.stream.hub import Hub
from services.gateway.stream.listener import Listener
from shared.http import problems
from shared.service import Runtime

WRITE_S = 20.0
"""A client that takes nothing for so long is let go."""

LastId = Annotated[
    str | None,
    Header(alias="last-event-id", pattern=r"^[0-9]{1,15}$", description="The id of the last event that was heard"),
]
ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events, until one side ends it", "content": {"text/event-stream": {}}},
}


class EventStream(Response):
    """Writes what its listener is given, as fast as its client reads."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until the listener ends, the client goes, or it takes nothing any more."""
        going = asyncio.create_task(self._gone(receive), name="stream's client")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            while (chunk := await self._listener.take()) is not None:
                await _written(send, {"type": "http.response.body", "body": chunk, "more_body": True})
            await _written(send, {"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            self._listener.end("slow")
        finally:
            going.cancel()
            self._hub.leave(self._listener)

    async def _gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.end("client")


async def _written(send: Send, message: MutableMapping[str, Any]) -> None:
    async with asyncio.timeout(WRITE_S):
        await send(message)


def add_stream(app: FastAPI, runtime: Runtime, hub: Hub) -> None:
    """Put the route on the app; the process is ready once its streams are complete."""
    runtime.awaited.append(hub.not_ready)

    @app.get(
        "/v1/stream",
        status_code=200,
        responses={**ANSWER, **problems(404, 429)},
        response_class=EventStream,
        dependencies=[Depends(WITH_KEY)],
        tags=["stream"],
    )
    async def listen(request: Request, last_event_id: LastId = None) -> Response:
        """What happens on the desk, as it happens (text/event-stream).

        First comes `hello`: what happens after it will come, so fetch what you show then. Events carry ids, versions
        and states, never content: `ticket.opened`, `routing.offered` (with `offer`, `ticket`, `agent`, `lease_until`),
        `delivery.changed`, `agent.presence-changed`… Connect again with `Last-Event-ID` and nothing is missing; some
        come twice. After `resync` fetch everything anew. An agent is present while he holds a stream.
        """
        last_id = int(last_event_id) if last_event_id is not None else None
        return EventStream(hub, hub.open(entered(request), last_id))
