"""The matching engine: the ticket that is first by order of service gets, of those who may take it, the best by score.

Tickets with the same need share one heap of agents, so that no ticket looks at every agent. Within a match an agent's
score only falls and his room only shrinks; an entry that fell behind is put back at its new place when it comes up.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.routing.domain.crew import Bits, Crew, members
from services.routing.domain.floor import Floor, Seat, Waiting
from services.routing.domain.needs import Need, Skills
from services.routing.rules import RULES
from services.routing.rules.base import Rules

ON_REQUEST = "on-request"
"""The main reason of a ticket that somebody could take, on a channel where agents ask for the next one."""
TOP = 3

Refusals = tuple[tuple[str, int], ...]
"""How many agents each rule refused, in the order of the rules; rules that refused nobody are left out."""
Entry = tuple[int, int, int]
"""(-score, idle since, place): the smallest is asked first; the place, by id, settles what is left."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who may take a ticket, with his points."""

    agent: str
    score: int


@dataclass(frozen=True, slots=True)
class Given:
    """A ticket given out: to whom, why, who else came near, and who was refused by what."""

    ticket: Waiting
    agent: str
    at: datetime
    reason: str
    candidates: tuple[Candidate, ...]
    refusals: Refusals
    load: int
    """The agent's load with this ticket."""
    capacity: int


@dataclass(frozen=True, slots=True)
class NotYet:
    """A ticket that stays, and the main reason."""

    ticket: Waiting
    reason: str
    refusals: Refusals


@dataclass(frozen=True, slots=True)
class State:
    """All that decides."""

    crew: Crew
    seats: Mapping[str, Seat]
    at: datetime
    tickets: Sequence[Waiting]


@dataclass(frozen=True, slots=True)
class Decisions:
    """What becomes of the tickets, in order of service; `left` were not looked at because enough was given out."""

    given: tuple[Given, ...]
    waiting: tuple[NotYet, ...]
    left: tuple[Waiting, ...] = ()


@dataclass(slots=True)
class _Group:
    """What tickets of one need share."""

    standing: Bits
    refusals: list[tuple[str, int]]
    main: str | None
    """Why nobody may take such a ticket whatever the moment, or None."""
    points: dict[int, int]
    """By place; shared by the needs that ask for the same skills."""
    heap: list[Entry] = field(default_factory=list)
    told: dict[tuple[int, ...], Refusals] = field(default_factory=dict)


class Match:
    """One match on one floor; every choice is taken from the floor at once."""

    def __init__(self, floor: Floor, rules: Rules = RULES) -> None:
        self.floor = floor
        self._rules = rules
        self._groups: dict[Need, _Group] = {}
        self._momentary = [self._momentary_points(place) for place in range(len(floor.since))]

    def choose(self, ticket: Waiting) -> Given | NotYet:
        """Give the ticket to the best agent who may take it; on request only, it just learns why it waits."""
        group = self._group(ticket.need)
        eligible, lasting, reason, refusals = self._eligible(ticket, group)
        if not eligible:
            return NotYet(ticket, reason, refusals)
        if ticket.need.mode == "next":
            return NotYet(ticket, ON_REQUEST, refusals)
        best = self._best(group, eligible, lasting)
        place = -1 if not best else best[0][2]
        return self._give(ticket, place, best, refusals, _why(group, best))

    def choose_for(self, ticket: Waiting, agent: str) -> Given | None:
        """Give the ticket to this agent, who asked for the next one, if he may take it."""
        place = self.floor.crew.index.get(agent)
        if place is None:
            return None
        group = self._group(ticket.need)
        eligible, _, _, refusals = self._eligible(ticket, group)
        if not eligible >> place & 1:
            return None
        return self._give(ticket, place, [self._entry(group, place)], refusals, "asked-for-next")

    def explain(self, ticket: Waiting) -> list[tuple[str, str | None, int]]:
        """Every agent with the rule that refuses him or None, and his points: eligible ones first, best first."""
        group = self._group(ticket.need)
        rows: list[tuple[str, str | None, int]] = []
        open_ = self.floor.crew.everybody
        for reason, passing in self._verdicts(ticket, group):
            rows += [(name, reason, 0) for name in self.floor.names(open_ & ~passing)]
            open_ &= passing
        ordered = sorted(self._entry(group, place) for place in members(open_))
        return [(self.floor.crew.ids[place], None, -score) for score, _, place in ordered] + rows

    def _verdicts(self, ticket: Waiting, group: _Group) -> Iterable[tuple[str, Bits]]:
        for standing in self._rules.standing:
            yield standing.reason, standing.passes(ticket.need, self.floor)
        for rule in self._rules.momentary:
            yield rule.reason, rule.passes(ticket, self.floor, group.standing)

    def _group(self, need: Need) -> _Group:
        group = self._groups.get(need)
        if group is None:
            group = self._groups[need] = self._make_group(need)
        return group

    def _make_group(self, need: Need) -> _Group:
        open_ = self.floor.crew.everybody
        main = None if open_ else self._rules.standing[0].reason
        refusals = []
        for rule in self._rules.standing:
            left = open_ & rule.passes(need, self.floor)
            if left != open_:
                refusals.append((rule.reason, open_.bit_count() - left.bit_count()))
                main = main or (None if left else rule.reason)
            open_ = left
        group = _Group(open_, refusals, main, self._standing_points(need.skills))
        points, momentary, since = group.points, self._momentary, self.floor.since
        places = members(open_)
        for place in places:
            if place not in points:
                points[place] = sum([score.points(need.skills, self.floor, place) for score in self._rules.scores])
        group.heap.extend([(-points[place] - momentary[place], since[place], place) for place in places])
        heapq.heapify(group.heap)
        return group

    def _standing_points(self, skills: Skills) -> dict[int, int]:
        """They depend on the crew and on who of it is available, so they are kept while neither changes."""
        return self.floor.crew.scores((self._rules.scores, skills, self.floor.available))

    def _entry(self, group: _Group, place: int) -> Entry:
        return (-group.points.get(place, 0) - self._momentary[place], self.floor.since[place], place)

    def _momentary_points(self, place: int) -> int:
        return sum([rule.points(self.floor, place) for rule in self._rules.momentary_scores])

    def _eligible(self, ticket: Waiting, group: _Group) -> tuple[Bits, Bits, str, Refusals]:
        """Who may take the ticket now; who may, but for what passes with the moment; the main reason; the counts."""
        if group.main is not None:
            return 0, 0, group.main, self._told(group, ())
        floor, standing = self.floor, group.standing
        open_ = lasting = standing
        reason = ""
        counts = []
        for rule in self._rules.momentary:
            left = open_ & rule.passes(ticket, floor, standing)
            if left == open_:
                counts.append(0)
                continue
            counts.append(open_.bit_count() - left.bit_count())
            if rule.lasting:
                lasting &= left
            open_ = left
            if not open_:
                reason = rule.reason
                break
        return open_, lasting, reason, self._told(group, tuple(counts))

    def _told(self, group: _Group, counts: tuple[int, ...]) -> Refusals:
        known = group.told.get(counts)
        if known is None:
            momentary = zip((rule.reason for rule in self._rules.momentary), counts, strict=False)
            known = group.told[counts] = (*group.refusals, *((reason, n) for reason, n in momentary if n))
        return known

    def _best(self, group: _Group, eligible: Bits, lasting: Bits) -> list[Entry]:
        """Up to TOP of the eligible, best first; the heap keeps whoever may still take a ticket of this need."""
        heap, since = group.heap, self.floor.since
        found: list[Entry] = []
        aside: list[Entry] = []
        while heap and len(found) < TOP:
            entry = heap[0]
            place = entry[2]
            if not lasting >> place & 1:
                heapq.heappop(heap)
            elif entry[1] != since[place]:
                heapq.heapreplace(heap, self._entry(group, place))
            elif eligible >> place & 1:
                found.append(heapq.heappop(heap))
            else:
                aside.append(heapq.heappop(heap))
        for entry in (*found, *aside):
            heapq.heappush(heap, entry)
        return found

    def _give(self, ticket: Waiting, place: int, best: list[Entry], refusals: Refusals, reason: str) -> Given:
        floor = self.floor
        at = floor.give(place, ticket.need)
        self._momentary[place] = self._momentary_points(place)
        return Given(
            ticket=ticket,
            agent=floor.crew.ids[place],
            at=at,
            reason=reason,
            candidates=tuple([Candidate(floor.crew.ids[other], -score) for score, _, other in best]),
            refusals=refusals,
            load=floor.load[place],
            capacity=floor.crew.profiles[place].capacity,
        )


def _why(group: _Group, best: list[Entry]) -> str:
    if len(best) == 1:
        return "only-candidate"
    return "best-fit" if group.points[best[0][2]] > group.points[best[1][2]] else "longest-idle"


def in_order(tickets: Iterable[Waiting]) -> list[Waiting]:
    """By priority class, then original enqueue time, then id (definitions.md, "Order of service")."""
    return sorted(tickets, key=lambda ticket: (ticket.rank, ticket.enqueued_at, ticket.id))


def match(state: State, rules: Rules = RULES, *, most: int | None = None) -> Decisions:
    """Match all waiting tickets, or until `most` were given out."""
    return match_on(Floor(state.crew, state.seats, state.at), state.tickets, rules, most=most)


def match_on(floor: Floor, tickets: Iterable[Waiting], rules: Rules = RULES, *, most: int | None = None) -> Decisions:
    """The same on a floor that is there already; what is given out is taken from it."""
    run = Match(floor, rules)
    ordered = in_order(tickets)
    given: list[Given] = []
    waiting: list[NotYet] = []
    for looked_at, ticket in enumerate(ordered):
        if most is not None and len(given) >= most:
            return Decisions(tuple(given), tuple(waiting), tuple(ordered[looked_at:]))
        decision = run.choose(ticket)
        if isinstance(decision, Given):
            given.append(decision)
        else:
            waiting.append(decision)
    return Decisions(tuple(given), tuple(waiting))
