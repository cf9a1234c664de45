"""Over random histories: the SQL gives what a brute-force count over the list of events gives, in any order of them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.metrics.domain.events import fact_of
from services.metrics.domain.window import Window
from services.metrics.kpis import KPIS
from services.metrics.repo import facts
from services.metrics.repo.asking import Asked, groups
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import (
    MessageAdded,
    ReplyFailed,
    ReplySent,
    TicketChanged,
    TicketOpened,
    TicketReopened,
)
from shared.ids import new_id
from tests.integration.measuring import START, Story, facts_of
from tests.stack import Stack

ZONE = ZoneInfo("Europe/Amsterdam")
BEGIN = datetime(2026, 3, 27, 23, tzinfo=START.tzinfo)
WINDOW = Window(BEGIN, BEGIN + timedelta(days=3))
"""With the day of 23 hours in it."""
OVER = ("solved", "closed")
WHAT = (
    "reply",
    "reply",
    "reply",
    "write",
    "solve",
    "close",
    "pend",
    "hold",
    "reopen",
    "reopen",
    "fail",
    "again",
    "late",
    "void",
    "void",
    "unvoid",
)
SHOPS = ("bikes", "bells")
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 40_000), st.integers(0, 5)), max_size=9)
SMALL = st.lists(
    st.tuples(st.integers(0, 250_000), st.booleans(), st.sampled_from(SHOPS), STEPS), min_size=1, max_size=4
)


def busy(seed: int) -> list[Any]:
    """A busy desk: many tickets with long lives, so that few examples meet many cases."""
    chance = Random(seed)
    return [
        (
            chance.randrange(250_000),
            chance.random() < 0.15,
            chance.choice(SHOPS),
            [(chance.choice(WHAT), chance.randrange(40_000), chance.randrange(6)) for _ in range(chance.randrange(14))],
        )
        for _ in range(25)
    ]


TICKETS = SMALL | st.integers(0, 2**32).map(busy)


def told(workspace: str, tickets: Sequence[Any]) -> list[Event[Any]]:
    """The events that tickets with these lives would tell."""
    return [event for ticket in tickets for event in _life(workspace, *ticket).events]


def _life(workspace: str, starts_s: int, quiet: bool, shop: str, steps: Sequence[tuple[str, int, int]]) -> Story:
    story = Story(workspace, shop=shop, at=BEGIN - timedelta(days=1) + timedelta(seconds=starts_s))
    story.opened(quiet=quiet)
    sent: list[UUID] = []
    versions: dict[UUID, int] = defaultdict(lambda: 2)
    for what, seconds, pick in steps:
        story.after(seconds=seconds)
        _step(story, what, ("anna", "bram")[pick % 2], sent, versions, pick)
    return story


def _step(story: Story, what: str, by: str, sent: list[UUID], versions: dict[UUID, int], pick: int) -> None:
    chosen = sent[pick % len(sent)] if sent else None
    if what in ("void", "unvoid") and story.void != (what == "void"):
        story.voided(what == "void")
    states = {"pend": "pending", "hold": "on-hold", "solve": "solved", "close": "closed"}
    if what == "reply":
        sent.append(story.sent(by))
    elif what == "late" and story.cycle > 1:
        sent.append(story.sent(by, cycle=story.cycle - 1))
    elif what in ("fail", "again") and chosen is not None:
        versions[chosen] += 1
        if what == "fail":
            story.failed(chosen, version=versions[chosen])
        else:
            story.sent(by, message=chosen, version=versions[chosen])
    elif what == "write":
        story.wrote(automatic=pick == 0)
    elif what == "reopen" and story.state == "solved":
        story.reopened()
    elif what in states and story.state != "closed" and story.state != states[what]:
        story.became(states[what])  # type: ignore[arg-type]


# --- the brute force: plain loops over the list of events ------------------------------------------------------------


class Counted:
    """The cycles of a history with what became of each."""

    def __init__(self, events: Sequence[Event[Any]]) -> None:
        self.events = list({event.id: event for event in events}.values())
        self.of_tickets = [e for e in self.events if not isinstance(e.data, ReplySent | ReplyFailed)]
        self.standing = self._standing()
        self.cycles = [
            e for e in self.of_tickets if isinstance(e.data, TicketOpened | TicketReopened) and e.data.state != "solved"
        ]

    def _standing(self) -> list[ReplySent]:
        last: dict[UUID, Event[Any]] = {}
        for event in self.events:
            if isinstance(event.data, ReplySent | ReplyFailed):
                known = last.get(event.data.message)
                if known is None or (known.version or 0) < (event.version or 0):
                    last[event.data.message] = event
        return [event.data for event in last.values() if isinstance(event.data, ReplySent)]

    def first(self, cycle: Event[Any]) -> ReplySent | None:
        """The cycle's first reply."""
        mine = [r for r in self.standing if (r.ticket, r.reply_cycle) == (cycle.data.ticket, cycle.data.cycle)]
        return min(mine, key=lambda r: (r.replied_at, r.message), default=None)

    def ended_at(self, cycle: Event[Any]) -> datetime | None:
        """When it ended, if it did and nobody undid it."""
        ended = None
        for event in sorted(self._of(cycle), key=lambda e: e.version or 0):
            if event.data.state not in OVER:
                ended = None
            elif ended is None:
                ended = event.time
        return ended

    def began_at(self, cycle: Event[Any]) -> datetime:
        """When it began, or began anew before its first reply."""
        reply = self.first(cycle)
        starts = [e.data.cycle_started_at for e in self._of(cycle)]
        return max(at for at in starts if reply is None or at <= reply.replied_at)

    def voided_at(self, cycle: Event[Any]) -> datetime | None:
        """Since when nothing of it is left to answer, where it has no reply."""
        since = None
        for event in sorted(self._of(cycle), key=lambda e: e.version or 0):
            said = event.data
            if isinstance(said, TicketChanged) and said.voids is not None:
                since = (since or event.time) if said.voids else None
            elif isinstance(said, MessageAdded) and said.author == "customer" and not said.automatic:
                since = None
        return since if self.first(cycle) is None else None

    def _of(self, cycle: Event[Any]) -> list[Event[Any]]:
        return [e for e in self.of_tickets if (e.data.ticket, e.data.cycle) == (cycle.data.ticket, cycle.data.cycle)]


def within(at: datetime) -> bool:
    return WINDOW.begin <= at < WINDOW.end


def ranked(values: Sequence[int], tenths: int) -> int | None:
    ordered = sorted(values)
    return ordered[-(-tenths * len(ordered) // 10) - 1] if ordered else None


def mean(values: Sequence[int]) -> int | None:
    return (2 * sum(values) + len(values)) // (2 * len(values)) if values else None


def first_reply(counted: Counted, passes: Callable[[str | None, datetime | None], bool]) -> dict[str, Any]:
    """The whole KPI over what `passes(agent, at)`."""
    firsts = [r for c in counted.cycles if (r := counted.first(c)) is not None]
    took = [r for r in firsts if within(r.replied_at) and passes(r.by, r.replied_at)]
    calendar, business = [r.since_start_s for r in took], [r.business_since_start_s for r in took]
    silent = [c for c in counted.cycles if counted.first(c) is None and counted.voided_at(c) is None]
    starts = [counted.began_at(c) for c in silent if counted.ended_at(c) is None]
    waits = [at for at in starts if at < WINDOW.end and passes(None, at if within(at) else None)]
    voided = [at for c in counted.cycles if (at := counted.voided_at(c)) and within(at) and passes(None, at)]
    closed = [at for c in silent if (at := counted.ended_at(c)) is not None and within(at) and passes(None, at)]
    arrived = [(c, counted.first(c)) for c in counted.cycles if within(counted.began_at(c))]
    arrived = [(c, r) for c, r in arrived if passes(r.by if r else None, counted.began_at(c))]
    cohort = [r for _, r in arrived if r is not None]
    void = [c for c, _ in arrived if counted.voided_at(c) is not None]
    over = [c for c, r in arrived if r is None and c not in void and counted.ended_at(c) is not None]
    return {
        "n": len(took),
        **{f"calendar_{name}": value for name, value in _summed(calendar).items()},
        **{f"business_{name}": value for name, value in _summed(business).items()},
        "unanswered_n": len(waits),
        "unanswered_oldest_at": min(waits, default=None),
        "closed_unanswered_n": len(closed),
        "void_n": len(voided),
        "arrived_n": len(arrived),
        "arrived_answered_n": len(cohort),
        "arrived_unanswered_n": len(arrived) - len(cohort) - len(over) - len(void),
        "arrived_closed_unanswered_n": len(over),
        "arrived_void_n": len(void),
        "arrived_calendar_median_s": ranked([r.since_start_s for r in cohort], 5),
        "arrived_calendar_p90_s": ranked([r.since_start_s for r in cohort], 9),
        "arrived_business_median_s": ranked([r.business_since_start_s for r in cohort], 5),
        "arrived_business_p90_s": ranked([r.business_since_start_s for r in cohort], 9),
    }


def _summed(values: Sequence[int]) -> dict[str, int | None]:
    return {"sum_s": sum(values), "mean_s": mean(values), "median_s": ranked(values, 5), "p90_s": ranked(values, 9)}


def volume(counted: Counted) -> dict[str, int]:
    """The whole KPI."""
    began = [c for c in counted.cycles if within(counted.began_at(c))]
    earlier = {(c.data.ticket, c.data.cycle) for c in counted.cycles}
    reopened = [c for c in began if any((c.data.ticket, n) in earlier for n in range(1, c.data.cycle))]
    written = [
        bool(e.data.automatic) if isinstance(e.data, MessageAdded) else e.data.state == "solved"
        for e in counted.of_tickets
        if (isinstance(e.data, TicketOpened | TicketReopened) and within(e.data.cycle_started_at))
        or (isinstance(e.data, MessageAdded) and within(e.data.accepted_at or e.time))
    ]
    return {
        "opened_n": len(began) - len(reopened),
        "reopened_n": len(reopened),
        "customer_messages_n": written.count(False),
        "automatic_messages_n": written.count(True),
        "replies_n": sum(within(r.replied_at) for r in counted.standing),
    }


# --- the product -----------------------------------------------------------------------------------------------------


class Kept:
    """Facts of many workspaces in one database, and what the product makes of them."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    async def keep(self, events: Sequence[Event[Any]], sizes: Sequence[int]) -> None:
        """Insert the facts, in batches of these sizes."""
        rest, turn = list(events), 0
        while rest:
            size = sizes[turn % len(sizes)]
            async with self.connection.transaction():
                await facts.insert(self.connection, [fact_of(event) for event in rest[:size]])
            rest, turn = rest[size:], turn + 1

    async def ask(self, kpi: str, workspace: str, *by: Any, **more: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
        """Numbers by group."""
        asked = Asked(workspace, WINDOW, WINDOW.end, **{"shops": None, **more})
        found = await groups(self.connection, KPIS[kpi], asked, by=by, zone=ZONE.key)
        return {tuple(group.key[cut] for cut in by): dict(group.values) for group in found}


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[str]:
    """One database for all histories; each has a workspace of its own."""
    name = stack.run(_migrated(stack))
    yield name
    stack.run(stack.drop_database(name))


async def _migrated(stack: Stack) -> str:
    return await stack.create_database(await stack.migrated())


def over(stack: Stack, database: str, check: Callable[[Kept], Any]) -> None:
    """Run the check with a connection of its own."""

    async def run() -> None:
        connection = await asyncpg.connect(stack.dsn(database), server_settings={"search_path": "metrics"})
        try:
            await check(Kept(connection))
        finally:
            await connection.close()

    asyncio.run(run())


# A try costs several round trips to the database, so a failure is shown as it was found.
FOUND = (Phase.explicit, Phase.reuse, Phase.generate)
HISTORIES = settings(max_examples=40, deadline=None, phases=FOUND, suppress_health_check=[HealthCheck.too_slow])


@HISTORIES
@given(tickets=TICKETS)
def test_the_numbers_are_those_of_a_brute_force_count(stack: Stack, database: str, tickets: list[Any]) -> None:
    async def check(kept: Kept) -> None:
        events = told(workspace := str(new_id()), tickets)
        await kept.keep(events, [1000])
        counted = Counted(events)
        assert await kept.ask("first_reply", workspace) == {(): first_reply(counted, lambda _agent, _at: True)}
        assert await kept.ask("volume", workspace) == {(): volume(counted)}
        for (agent,), values in (await kept.ask("first_reply", workspace, "agent")).items():
            assert values == first_reply(counted, lambda by, _at, agent=agent: by == agent), agent
        for (day,), values in (await kept.ask("first_reply", workspace, "day")).items():
            assert values == first_reply(counted, lambda _by, at, day=day: _day(at) == day), day
        bells = Counted([event for event in events if event.shop == "bells"])
        only = await kept.ask("first_reply", workspace, shops=["bells"])
        assert only == {(): first_reply(bells, lambda _agent, _at: True)}

    over(stack, database, check)


def _day(at: datetime | None) -> date | None:
    return at.astimezone(ZONE).date() if at is not None else None


@HISTORIES
@given(tickets=TICKETS, random=st.randoms(use_true_random=False), sizes=st.lists(st.integers(1, 9), min_size=1))
def test_events_in_any_order_and_any_number_of_times_make_the_same_rows(
    stack: Stack, database: str, tickets: list[Any], random: Any, sizes: list[int]
) -> None:
    async def check(kept: Kept) -> None:
        events = told(ordered := str(new_id()), tickets)
        shuffled = str(new_id())
        again = [*events, *random.sample(events, random.randint(0, len(events)))]
        random.shuffle(again)
        await kept.keep(events, [1000])
        await kept.keep([replace(event, workspace=shuffled) for event in again], sizes)
        assert await facts_of(kept.connection, ordered) == await facts_of(kept.connection, shuffled)
        for kpi in KPIS:
            for by in ((), ("day",), ("agent",)) if KPIS[kpi].windowed else ((),):
                assert await kept.ask(kpi, ordered, *by) == await kept.ask(kpi, shuffled, *by)

    over(stack, database, check)


@settings(HISTORIES, max_examples=20)
@given(tickets=TICKETS)
def test_groups_add_up_to_the_whole(stack: Stack, database: str, tickets: list[Any]) -> None:
    async def check(kept: Kept) -> None:
        await kept.keep(told(workspace := str(new_id()), tickets), [1000])
        for kpi in ("first_reply", "volume"):
            (whole,) = (await kept.ask(kpi, workspace)).values()
            for by in (("day",), ("agent",), ("shop", "channel"), ("team", "day")):
                parts = (await kept.ask(kpi, workspace, *by)).values()
                for name in [name for name in whole if name.endswith(("_n", "_sum_s")) or name == "n"]:
                    assert sum(part[name] for part in parts) == whole[name], (kpi, by, name)

    over(stack, database, check)


def test_two_words_on_one_version_are_both_kept_and_the_later_counts(stack: Stack, database: str) -> None:
    """A restored owner says another thing at a version that it has used before."""

    async def check(kept: Kept) -> None:
        for turned in (False, True):
            story = Story(str(new_id())).opened().after(hours=1).became("solved")
            story.version, story.state = 1, "new"
            story.after(hours=1).became("pending")
            await kept.keep(story.events[::-1] if turned else story.events, [1])
            (stands,) = await kept.connection.fetch("select state from tickets where workspace = $1", story.workspace)
            assert stands["state"] == "pending"
            assert (await kept.ask("backlog", story.workspace))[()]["pending_n"] == 1
            found = await facts_of(kept.connection, story.workspace)
            assert len(found["ticket_facts"]) == 3

    over(stack, database, check)
