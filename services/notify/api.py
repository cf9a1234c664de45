"""The API of the send ledger: what is on its way, what failed, and a person's word on what nobody knows."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, FastAPI, Header, Query, Request, Response

from services.notify import facts
from services.notify.domain.send import RESOLVED, Send
from services.notify.repo import reads, sends
from services.notify.views import Resolution, SendPage, SendView
from services.notify.wake import WAKE
from shared.bus import Context
from shared.contracts.delivery_events import Delivery
from shared.db.idempotency import Answer, once, request_hash
from shared.db.pool import connection
from shared.errors import Conflict, NotFound
from shared.http import Caller, create_app, problems, require
from shared.identity import Identity
from shared.service import Runtime

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]
Cursor = Annotated[
    str | None, Query(alias="cursor", pattern=r"^[1-9][0-9]{0,17}$", description="`next` of the page before")
]
Person = Annotated[Identity, Depends(require("admin", "lead", "agent"))]
NEWEST = 2**62


def create_api(runtime: Runtime) -> FastAPI:
    """The routes."""
    app = create_app(runtime, "Switchboard notify", description="What leaves the desk, and how far it came.")
    _add_reads(app, runtime)
    _add_resolve(app, runtime)
    return app


def _add_reads(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/v1/sends", responses=problems())
    async def list_sends(
        who: Caller, state: Delivery | None = None, after: Cursor = None, limit: Limit = 50
    ) -> SendPage:
        """Messages to customers, newest first."""
        before = int(after) if after else NEWEST
        async with connection(runtime.pool) as one:
            rows = await reads.page(one, who, state=state, before=before, most=limit + 1)
        next_ = str(rows[limit - 1]["number"]) if len(rows) > limit else None
        return SendPage(items=[SendView.of(row) for row in rows[:limit]], next=next_)

    @app.get("/v1/sends/{message}", responses=problems(404))
    async def read_send(message: UUID, who: Caller) -> SendView:
        """One message."""
        async with connection(runtime.pool) as one:
            row = await reads.one(one, who, message)
        if row is None:
            raise _none(message)
        return SendView.of(row)


def _none(message: UUID) -> NotFound:
    return NotFound(f"there is no message {message} here that was to be sent")


def _add_resolve(app: FastAPI, runtime: Runtime) -> None:
    @app.post("/v1/sends/{message}/resolve", responses=problems(404, 409), response_model=SendView)
    async def resolve_send(
        message: UUID,
        decided: Resolution,
        who: Person,
        request: Request,
        idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
    ) -> Response:
        """Say what became of a message whose outcome is unknown, or have it sent again; otherwise refused with 409."""
        digest = request_hash(request.method, request.url.path, decided.model_dump_json().encode())

        async def run() -> Answer:
            if await reads.one(tx, who, message) is None:
                raise _none(message)
            row = (await sends.lock(tx, [(who.workspace, message)]))[who.workspace, message]
            after = _resolved(row, decided, ctx)
            facts.tell(ctx, row, after)
            await sends.save(tx, [after])
            shown = await reads.one(tx, who, message)
            return Answer(200, SendView.of(shown).model_dump_json().encode())

        async with runtime.work() as (tx, ctx):
            ctx.after_commit(WAKE.now)
            answer = await once(
                tx,
                principal=f"{who.workspace}/{who.principal}",
                key=idempotency_key,
                request_hash=digest,
                run=run,
            )
        return Response(answer.body, answer.status, media_type="application/json")


def _resolved(row: Send, decided: Resolution, ctx: Context) -> Send:
    if row.state != "unknown":
        raise Conflict(f"the message is {row.state}; only an unknown outcome is for a person to decide")
    if decided.outcome == "resend" and row.content is None:
        raise Conflict("the person was erased, so there is nothing left to send", reason="erased")
    return RESOLVED[decided.outcome](row, ctx.now)
