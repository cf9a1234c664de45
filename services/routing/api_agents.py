"""Routes about agents: who is there, and what weighs on them."""

from typing import cast

from fastapi import FastAPI, Response

from services.routing.domain.crew import Profile
from services.routing.domain.floor import Seat
from services.routing.domain.presence import Agent
from services.routing.live import LIVE
from services.routing.repo import agents
from services.routing.views import AgentList, AgentView, LiveAgents, PresenceView
from shared.contracts.settings import Agent as AgentSettings
from shared.db.pool import connection, transaction
from shared.errors import Forbidden, NotFound
from shared.http import Caller, problems
from shared.service import Runtime

GATEWAY = ("gateway", "installation")
"""Principal and role of the gateway's own identity; a person's principal has a slash."""
NEVER = "never-told"
"""The reason of an agent who never told his presence."""


def add_agents(app: FastAPI, runtime: Runtime) -> None:
    """Put the routes on the app."""

    @app.get("/v1/agents", responses=problems(), tags=["agents"])
    async def list_agents(who: Caller) -> AgentList:
        """Enabled agents who may serve the caller's shops: presence, load, capacity."""
        crew = LIVE.desk(who.workspace).crew
        shown = [p for p in crew.profiles if not who.shops or not p.shops or set(p.shops) & set(who.shops)]
        async with connection(runtime.pool) as one:
            known = await agents.read(one, who.workspace, [profile.id for profile in shown])
            seats = await agents.seats(one, who.workspace)
        teams = {
            id_: cast("AgentSettings", document).team
            for id_, document in runtime.settings.all("agent", who.workspace).items()
        }
        items = [_view(profile, teams.get(profile.id), known.get(profile.id), seats) for profile in shown]
        return AgentList(items=items)

    @app.get("/v1/presence", responses=problems(404), tags=["agents"])
    async def my_presence(who: Caller) -> PresenceView:
        """Where the desk believes that I am."""
        if who.agent is None:
            raise Forbidden("this key names no agent; ask for one that does", reason="no_agent")
        if who.agent not in LIVE.desk(who.workspace).crew.index:
            raise NotFound(f"settings have no enabled agent {who.agent}", reason="no_such_agent")
        async with connection(runtime.pool) as one:
            known = await agents.read(one, who.workspace, [who.agent])
        return _presence(who.agent, known.get(who.agent))

    @app.post("/internal/presence", status_code=204, include_in_schema=False)
    async def agents_alive(live: LiveAgents, who: Caller) -> Response:
        """A gateway's report of the agents who hold a stream on it: each is there, whatever he told last."""
        if (who.principal, who.role) != GATEWAY:
            raise Forbidden("only the gateway reports presence; tell your own by PUT /v1/presence")
        async with transaction(runtime.pool) as tx:
            await agents.alive(tx, [(one.workspace, one.agent) for one in live.agents])
        return Response(status_code=204)


def _presence(name: str, known: Agent | None) -> PresenceView:
    if known is None:
        return PresenceView(agent=name, presence="offline", reason=NEVER)
    return PresenceView(
        agent=name,
        presence=known.presence,
        reason=known.reason,
        channels=None if known.channels is None else list(known.channels),
        since=known.since,
        heartbeat_at=known.heartbeat_at,
    )


def _view(profile: Profile, team: str | None, known: Agent | None, seats: dict[str, Seat]) -> AgentView:
    seat = seats.get(profile.id) or Seat(profile.id)
    return AgentView(
        **_presence(profile.id, known).model_dump(),
        team=team,
        load=seat.load,
        capacity=profile.capacity,
        tickets={channel: count for channel, count in seat.held.items() if count},
    )
