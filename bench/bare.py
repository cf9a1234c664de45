"""What the API is measured against: a bare FastAPI + asyncpg process and a bare ASGI proxy before it, nothing else.

    python -m bench.bare owner PORT DSN      # one insert; and the reads of tickets, with the very SQL of their owner
    python -m bench.bare proxy PORT OWNER    # hands every request on to the owner's port over kept connections
    python -m bench.bare accept PORT "KAFKA PREFIX"    # produces a webhook as it came, and one record made of it

No identities, no metrics, no traces, no idempotency, no outbox. Both run in uvicorn as the product's services do.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from bench.asking import Line
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import lists, reads
from shared.db.pool import POOL_SIZE
from shared.identity import Identity
from tests.desk import ROOT, free_port
from tests.eventually import eventually

TABLE = "create table bare_answers(id uuid primary key, ticket uuid not null, body text, at timestamptz not null)"
_INSERT = "insert into bare_answers values ($1, $2, $3, now())"
WHO = Identity(principal="bench", role="admin", workspace="bench")


class Answer(BaseModel):
    """What is written."""

    text: str


class Written(BaseModel):
    """That it is."""

    message: UUID


def owner(dsn: str) -> FastAPI:
    """Three routes over one pool, of the size of a service's."""

    @asynccontextmanager
    async def pooled(app: FastAPI) -> AsyncIterator[None]:
        settings = {"search_path": "tickets, public", "jit": "off"}
        async with asyncpg.create_pool(dsn, min_size=1, max_size=POOL_SIZE, server_settings=settings) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=pooled)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {}

    @app.post("/v1/tickets/{id}/answers", status_code=201)
    async def write(id: UUID, answer: Answer, request: Request) -> Written:
        message = uuid4()
        async with request.app.state.pool.acquire() as one:
            await one.execute(_INSERT, message, id, answer.text)
        return Written(message=message)

    @app.get("/v1/tickets")
    async def list_tickets(request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
        wanted = lists.Wanted((datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)))
        async with request.app.state.pool.acquire() as one:
            found = await lists.page(one, WHO, wanted, limit + 1)
        return _json({"items": found[:limit], "next": None})

    @app.get("/v1/tickets/{id}")
    async def read(id: UUID, request: Request) -> Response:
        async with request.app.state.pool.acquire() as one:
            ticket: Ticket | None = await reads.one(one, WHO, id)
        if ticket is None:
            raise HTTPException(404)
        return _json(ticket)

    return app


def _json(what: Any) -> Response:
    return Response(orjson.dumps(what, default=str), media_type="application/json")


class Proxy:
    """An ASGI application that hands on; connections are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Line] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, ask the owner, give its answer."""
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        headers = b"".join(b"%s: %s\r\n" % pair for pair in scope["headers"])
        line = self._free.pop() if self._free else await Line.to(self._port)
        status, answer = await line.ask(
            b"%s %s HTTP/1.1\r\n%s\r\n%s" % (scope["method"].encode(), scope["raw_path"], headers, body)
        )
        self._free.append(line)
        await _said(send, status, answer)


class Taking:
    """An ASGI application that answers a webhook once Kafka has the raw record and the message made of it."""

    def __init__(self, kafka: str, prefix: str) -> None:
        self._kafka = kafka
        self._prefix = prefix
        self._producer: AIOKafkaProducer | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the request, produce, confirm."""
        if scope["path"] == "/healthz":
            self._producer = self._producer or await self._started()
            await _said(send, 200, b"{}")
            return
        assert self._producer is not None
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        update = orjson.loads(body)
        message, id_ = update["message"], uuid4()
        value = {"id": id_, "workspace": "main", "sender": message["from"], "text": message["text"]}
        key = b"main/%d" % message["chat"]["id"]
        headers = [(name.decode(), content) for name, content in scope["headers"]]
        raw = await self._producer.send(self._prefix + "raw-inbound", body, key=key, headers=headers)
        made = await self._producer.send(self._prefix + "inbound-messages", orjson.dumps(value), key=key)
        await asyncio.gather(raw, made)
        await _said(send, 202, orjson.dumps({"accepted": 1, "ids": [id_]}))

    async def _started(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka, enable_idempotence=True, acks="all", max_batch_size=256 * 1024
        )
        await producer.start()
        return producer


async def _said(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def running(role: str, of: str) -> AsyncIterator[tuple[int, int]]:
    """A process of this role, once it answers; gives its port and its pid."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare", role, str(port), of, cwd=ROOT)
    try:
        async with httpx.AsyncClient() as client:

            async def there() -> bool:
                try:
                    return (await client.get(f"http://127.0.0.1:{port}/healthz")).is_success
                except httpx.TransportError:
                    return False

            await eventually(there, what=f"the bare {role}")
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


APPS: dict[str, Callable[[str], Any]] = {
    "owner": owner,
    "proxy": lambda of: Proxy(int(of)),
    "accept": lambda of: Taking(*of.split(" ")),
}


def main(role: str, port: str, of: str) -> None:
    """Serve until told to stop."""
    app: Any = APPS[role](of)
    lifespan: Any = "on" if role == "owner" else "off"
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="warning", lifespan=lifespan)


if __name__ == "__main__":
    main(*sys.argv[1:])
