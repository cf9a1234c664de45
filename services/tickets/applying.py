"""A lead puts open tickets under a policy as it is now: what that would change is shown first, then it is done.

A changed policy or calendar is otherwise for later cycles (definitions.md): this is the only way it reaches open ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg

from services.tickets import facts, terms
from services.tickets.clocking import standing
from services.tickets.domain.clocks import Clock, clocks
from services.tickets.domain.evidence import Evidence
from services.tickets.domain.sla import Case
from services.tickets.domain.stopwatch import Kind
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import applying as repo
from services.tickets.repo import clocks as clock_rows
from services.tickets.repo import history, messages, tickets
from services.tickets.repo.messages import Happening
from services.tickets.telling import say
from shared.bus import Context
from shared.contracts.sla_events import SlaApplied
from shared.contracts.sla_settings import SlaPolicy
from shared.errors import Conflict, NotFound
from shared.identity import Identity
from shared.service import Runtime

AT_ONCE = 100
_BEFORE_ALL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Moved:
    """A clock that would be due at another time."""

    ticket: UUID
    kind: Kind
    cycle: int
    due_at: datetime | None
    new_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Differing:
    """A ticket that the policy is for and whose clocks are under other terms: as they are, and as they would be."""

    ticket: Ticket
    before: tuple[Clock, ...]
    then: tuple[Clock, ...]
    learned: Sequence[Evidence]
    """What only its messages tell: it was opened before the workspace had a policy."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What the action would do."""

    policy_version: int
    tickets: int
    clocks: list[Moved]


class PolicyChanged(Conflict):
    """The policy is another than the one that was looked at."""

    def __init__(self, policy: str, looked_at: int, version: int) -> None:
        super().__init__(
            f"policy {policy} is at version {version}, and version {looked_at} was previewed; preview it again",
            reason="policy_changed",
        )


def version_of(runtime: Runtime, who: Identity, policy: str) -> int:
    """The policy's version now; raises NotFound where there is none."""
    if not isinstance(runtime.settings.get("sla", who.workspace, policy), SlaPolicy):
        raise NotFound(f"there is no policy {policy}")
    return runtime.settings.version("sla", who.workspace, policy)


async def preview(runtime: Runtime, who: Identity, policy: str) -> Preview:
    """What would be due when, if the policy were applied now; nothing is kept."""
    version = version_of(runtime, who, policy)
    count, moved, after = 0, list[Moved](), _BEFORE_ALL
    while True:
        async with runtime.work() as (tx, ctx):
            page = await repo.open_tickets(tx, who, after, AT_ONCE)
            for one in await _differing(tx, ctx, policy, page):
                count += 1
                due = {clock.name: clock.due_at for clock in one.before}
                moved += [
                    Moved(one.ticket.id, clock.kind, clock.cycle, due.get(clock.name), clock.due_at)
                    for clock in one.then
                    if clock.outcome == "runs" and due.get(clock.name) != clock.due_at
                ]
        if len(page) < AT_ONCE:
            return Preview(version, count, moved)
        after = page[-1].id


async def apply(runtime: Runtime, who: Identity, policy: str, looked_at: int) -> int:
    """Put open tickets under the policy; gives how many. Raises PolicyChanged where another version was previewed."""
    count, after = 0, _BEFORE_ALL
    while True:
        version = version_of(runtime, who, policy)
        if version != looked_at:
            raise PolicyChanged(policy, looked_at, version)
        async with runtime.work() as (tx, ctx):
            page = await repo.open_tickets(tx, who, after, AT_ONCE, lock=True)
            differing = await _differing(tx, ctx, policy, page)
            await _apply(tx, ctx, who, policy, version, differing)
        count += len(differing)
        if len(page) < AT_ONCE:
            return count
        after = page[-1].id


async def _apply(
    tx: asyncpg.Connection, ctx: Context, who: Identity, policy: str, version: int, found: Sequence[Differing]
) -> None:
    applied = [replace(one.ticket, version=one.ticket.version + 1) for one in found]
    await tickets.update(tx, applied)
    learned = [((one.ticket.workspace, one.ticket.id), e) for one in found for e in one.learned]
    await clock_rows.write(tx, {}, learned, [], [])
    for ticket in applied:
        told = SlaApplied(**facts.carried(ticket), policy=policy, policy_version=version, by=who.agent)
        say(ctx, ticket, told, ticket.version, who.principal)
    detail = {"policy": policy, "policy_version": version, "by": who.agent or who.principal}
    await messages.happened(
        tx, [Happening(one.workspace, one.id, one.version, "sla", detail, ctx.now) for one in applied]
    )


async def _differing(tx: asyncpg.Connection, ctx: Context, policy: str, page: Sequence[Ticket]) -> list[Differing]:
    found = []
    known = await standing(tx, [(ticket.workspace, ticket.id) for ticket in page])
    old = [t for t in page if not any(e.what == "began" for e in known[t.workspace, t.id][0])]
    learned = await history.told(tx, old)
    for ticket in page:
        key = (ticket.workspace, ticket.id)
        evidence = [*known[key][0], *learned.get(key, ())]
        wanted = terms.now(ctx.settings, ticket.workspace, Case(ticket.priority, ticket.channel, ticket.shop))
        if wanted is None or wanted[1].policy != policy or not evidence:
            continue
        ids = {one.terms for one in evidence if one.terms is not None} | {wanted[0]}
        valid = await terms.known(tx, ticket.workspace, ids)
        chosen = Evidence(ctx.now, "terms", ticket.id, version=ticket.version + 1, terms=wanted[0])
        before, then = clocks(evidence, valid), clocks((*evidence, chosen), valid)
        if before != then or _latest(evidence) != wanted[0]:
            found.append(Differing(ticket, before, then, learned.get(key, ())))
    return found


def _latest(evidence: Sequence[Evidence]) -> UUID | None:
    """The terms that the newest cycle is under."""
    said = sorted((one for one in evidence if one.what in ("began", "terms")), key=lambda one: one.place)
    return said[-1].terms if said else None
