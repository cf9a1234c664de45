"""Rules at work: each job is an event, or a timer, with the rules that wait for it; done in the caller's transaction.

A rule runs once for an event: what it does has ids that derive from the event and the rule, and its line in the log is
written with it.
"""

import logging
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg

from services.tickets import answers
from services.tickets.acting import Act, Actor, keep
from services.tickets.domain.rules.asking import Facts
from services.tickets.domain.rules.engine import Chain, Known, Outcome, run
from services.tickets.domain.rules.triggers import Happened
from services.tickets.domain.ticket import Ticket
from services.tickets.repo import rules as repo
from services.tickets.repo.rules import Run, Said
from services.tickets.rulebook import is_open
from services.tickets.saying import Saying
from services.tickets.telling import Because
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.errors import Refused
from shared.telemetry import metrics

log = logging.getLogger(__name__)

Key = tuple[str, UUID]
ACTOR = "rule/"
REASON = "rule"
ANSWERS_WITHIN = timedelta(days=1)
NOTHING_SAID = Said()


@dataclass(frozen=True, slots=True)
class Job:
    """Something that happened on a ticket, and the rules that wait for it."""

    ticket: Key
    event: UUID
    """The event's id, or the timer's."""
    what: Happened
    trigger: str
    asked: tuple[Known, ...]
    chain: UUID
    """What all that is caused in a row has in common."""
    cause: Event[Any] | None = None

    @property
    def by_rule(self) -> bool:
        """Whether a rule caused it."""
        return self.cause is not None and (self.cause.actor or "").startswith(ACTOR)

    @property
    def depth(self) -> int:
        """Links of the chain so far."""
        return self.cause.causation_depth if self.cause is not None else 0


@dataclass(slots=True)
class Work:
    """What a batch of jobs has read and changed."""

    ctx: Context
    standing: dict[Key, Ticket]
    said: Mapping[Key, Said]
    ran: dict[tuple[str, UUID, UUID], frozenset[str]]
    people: Mapping[Key, tuple[str | None, str | None]]
    runs: list[Run] = field(default_factory=list)


def ordinal_of(rule: str, number: int = 0) -> int:
    """Tells apart what one event makes several rules do to a ticket, the same whatever other rules there are."""
    return zlib.crc32(f"{rule}/{number}".encode())


async def run_jobs(tx: asyncpg.Connection, ctx: Context, jobs: Sequence[Job], standing: Mapping[Key, Ticket]) -> None:
    """Run the rules of the jobs on tickets that are locked, and write what came of it in the log."""
    before = await repo.done(tx, [(job.ticket[0], one.id, job.event) for job in jobs for one in job.asked])
    fresh = [left for job in jobs if (left := _left(job, before)).asked]
    if not fresh:
        return
    chains = sorted({(*job.ticket, job.chain) for job in fresh if job.by_rule})
    reading = sorted({job.ticket for job in fresh if any(one.reads_messages for one in job.asked)})
    speaking = sorted({job.ticket for job in fresh if any(one.speaks for one in job.asked)})
    work = Work(
        ctx,
        dict(standing),
        await repo.said(tx, reading, ANSWERS_WITHIN),
        await repo.ran(tx, chains),
        await repo.names(tx, speaking),
    )
    for part in _rounds(fresh):
        await _together(tx, work, part)
    await repo.log(tx, work.runs)


def _left(job: Job, before: set[tuple[str, str, UUID]]) -> Job:
    asked = tuple(one for one in job.asked if (job.ticket[0], one.id, job.event) not in before)
    return Job(job.ticket, job.event, job.what, job.trigger, asked, job.chain, job.cause)


def _rounds(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """The jobs in their order, no two of a round on one ticket."""
    waiting = list(jobs)
    while waiting:
        part = list({job.ticket: job for job in reversed(waiting)}.values())
        yield part
        taken = set(map(id, part))
        waiting = [job for job in waiting if id(job) not in taken]


async def _together(tx: asyncpg.Connection, work: Work, part: Sequence[Job]) -> None:
    asked = {job.ticket: _ask(work, job) for job in part}
    for job in part:
        _remember(work, job, asked[job.ticket])
    acting = {job.ticket: [one for one in asked[job.ticket] if one.acts] for job in part}
    for number in range(max(map(len, acting.values()), default=0)):
        these = [(job, acting[job.ticket][number]) for job in part if number < len(acting[job.ticket])]
        await _change(tx, work, these)
    refused = await _speak(tx, work, [(job, one) for job in part for one in acting[job.ticket]])
    for job in part:
        for outcome in asked[job.ticket]:
            if outcome.matched:
                _log(work, job, outcome, refused)


def _ask(work: Work, job: Job) -> list[Outcome]:
    ticket = work.standing[job.ticket]
    said = work.said.get(job.ticket, NOTHING_SAID)
    facts = Facts(
        ticket,
        work.ctx.now,
        is_open(work.ctx.settings, ticket, work.ctx.now),
        said.text,
        said.automatic,
        said.customer_at,
        said.desk_at,
    )
    return run(job.asked, facts, Chain(job.by_rule, work.ran.get((*job.ticket, job.chain), frozenset()), job.depth))


def _remember(work: Work, job: Job, outcomes: Sequence[Outcome]) -> None:
    place = (*job.ticket, job.chain)
    work.ran[place] = work.ran.get(place, frozenset()) | {one.known.id for one in outcomes if one.acts}


async def _change(tx: asyncpg.Connection, work: Work, these: Sequence[tuple[Job, Outcome]]) -> None:
    done = []
    for job, outcome in these:
        doing = outcome.doing
        if doing is None or not doing.changes:
            continue
        actor, rule = Actor(f"{ACTOR}{outcome.known.id}"), outcome.known.id
        because = Because(job.cause, job.event, ordinal_of(rule))
        act = Act(actor, *job.ticket, doing.edit, REASON, because)
        done.append((act, doing.edited))
        work.standing[job.ticket] = doing.edited.ticket
    await keep(tx, work.ctx, done)


async def _speak(
    tx: asyncpg.Connection, work: Work, acting: Sequence[tuple[Job, Outcome]]
) -> dict[tuple[UUID, str, int], str]:
    """Write notes and answers, one on each ticket at a time; gives why what was not written was refused."""
    refused: dict[tuple[UUID, str, int], str] = {}
    waiting = [(job, outcome, number, action) for job, outcome in acting for number, action in outcome.says]
    while waiting:
        part = {one[0].ticket: one for one in reversed(waiting)}
        waiting = [one for one in waiting if part[one[0].ticket] is not one]
        commands: dict[tuple[UUID, str, int], answers.Command] = {}
        for job, outcome, number, action in part.values():
            place = (job.event, outcome.known.id, number)
            try:
                commands[place] = _saying(work, job, outcome.known, number).command(action)
            except Refused as refusal:
                refused[place] = refusal.reason
        for (place, command), after in zip(
            commands.items(), await answers.write(tx, work.ctx, list(commands.values())), strict=True
        ):
            if isinstance(after, Refused):
                refused[place] = after.reason
            else:
                work.standing[command.key] = after
    return refused


def _saying(work: Work, job: Job, known: Known, number: int) -> Saying:
    return Saying(
        reader=work.ctx.settings,
        ticket=work.standing[job.ticket],
        person=work.people.get(job.ticket, (None, None)),
        said=work.said.get(job.ticket, NOTHING_SAID),
        rule=known.id,
        because=Because(job.cause, job.event, ordinal_of(known.id, number + 1)),
    )


def _log(work: Work, job: Job, outcome: Outcome, unsaid: Mapping[tuple[UUID, str, int], str]) -> None:
    reasons = {one.action: one.reason for one in outcome.refused}
    reasons |= {n: why for n, _ in outcome.says if (why := unsaid.get((job.event, outcome.known.id, n)))}
    actions = [
        {"do": action.do} | ({"refused": reasons[n]} if n in reasons else {})
        for n, action in enumerate(outcome.known.rule.actions)
    ]
    outcome_is = _named(outcome, reasons)
    metrics.RULES_RUN.labels(outcome.stopped or outcome_is).inc()
    if outcome.stopped is not None:
        told = {"workspace": job.ticket[0], "rule": outcome.known.id, "why": outcome.stopped, "event": str(job.event)}
        log.warning("a rule is stopped: what it causes would start it again", extra=told)
    work.runs.append(
        Run(
            workspace=job.ticket[0],
            rule=outcome.known.id,
            event=job.event,
            ticket=job.ticket[1],
            chain=job.chain,
            rule_version=outcome.known.version,
            trigger=job.trigger,
            outcome=outcome_is,
            reason=outcome.stopped or next(iter(reasons.values()), None),
            actions=actions,
        )
    )


def _named(outcome: Outcome, reasons: Mapping[int, str]) -> str:
    if outcome.stopped is not None:
        return "stopped"
    said = any(number not in reasons for number, _ in outcome.says)
    if said or (outcome.doing is not None and outcome.doing.changes):
        return "acted"
    return "refused" if reasons else "unchanged"
