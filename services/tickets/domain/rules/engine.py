"""The rules that fit what happened, in their order: what each does, why it does not, or why it is stopped.

No clock and no chance: the same rules, facts and event give the same outcomes, in whatever order rules are stored. A
rule sees what those before it did. What rules cause may start other rules, but none that has run in the same chain of
causes on the same ticket: so no set of rules goes round for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.tickets.domain.rules.asking import Facts, needs_messages, possible, why_not
from services.tickets.domain.rules.doing import Doing, Refusal, do
from services.tickets.domain.rules.triggers import Happened, Timed, fits
from shared.contracts.actions import FIELD_ACTIONS, Answer
from shared.contracts.rules import InState, NoReply, Rule

DEPTH_MAX = 12
"""Links of a chain of causes, whoever they are by; what is deeper starts no rule (definitions: causation depth)."""


Place = tuple[str, str, str | None]
"""Channel, account and shop: what every event of a ticket carries, and what never changes."""
PLACES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """A rule with its id and the version of its document."""

    id: str
    rule: Rule
    version: int = 1

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among the others."""
        return self.rule.order, self.id

    @property
    def reads_messages(self) -> bool:
        """Whether it must know what was said."""
        return needs_messages(self.rule.conditions) or any(isinstance(one, Answer) for one in self.rule.actions)

    @property
    def speaks(self) -> bool:
        """Whether it writes anything."""
        return any(not isinstance(one, FIELD_ACTIONS) for one in self.rule.actions)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The enabled rules of a workspace by what they wait for, each list in their order."""

    by_kind: Mapping[str, tuple[Known, ...]] = field(default_factory=dict)
    timed: tuple[tuple[Known, Timed], ...] = ()
    _here: dict[tuple[frozenset[str], Place], tuple[Known, ...]] = field(default_factory=dict, compare=False)
    _timed_here: dict[Place, tuple[tuple[Known, Timed], ...]] = field(default_factory=dict, compare=False)
    """What was found for a place before: there are few places, and many events of each."""

    @staticmethod
    def of(rules: Sequence[Known]) -> "RuleSet":
        """Sort the rules, once for all events until one of them is changed."""
        ordered = sorted((known for known in rules if known.rule.enabled), key=lambda known: known.place)
        kinds: dict[str, dict[str, Known]] = {}
        timed: list[tuple[Known, Timed]] = []
        for known in ordered:
            for trigger in known.rule.when:
                kinds.setdefault(trigger.event, {})[known.id] = known
                if isinstance(trigger, NoReply | InState):
                    timed.append((known, trigger))
        return RuleSet({kind: tuple(known.values()) for kind, known in kinds.items()}, tuple(timed))

    def waiting_for(self, what: Happened, place: Place) -> list[Known]:
        """The rules that this may start, told without looking at the ticket."""
        return [known for known in self.heeding(what.kinds, place) if any(fits(one, what) for one in known.rule.when)]

    def heeding(self, kinds: frozenset[str], place: Place) -> tuple[Known, ...]:
        """The rules that wait for one of these kinds of events at a place."""
        found = self._here.get((kinds, place))
        if found is None:
            known = {one.id: one for kind in kinds for one in self.by_kind.get(kind, ()) if _is_for(one.rule, place)}
            found = tuple(sorted(known.values(), key=lambda one: one.place))
            if len(self._here) < PLACES_MAX:
                self._here[kinds, place] = found
        return found

    def timed_at(self, place: Place) -> tuple[tuple[Known, Timed], ...]:
        """The rules that wait for a time to pass at a place, with their triggers."""
        found = self._timed_here.get(place)
        if found is None:
            found = tuple(one for one in self.timed if _is_for(one[0].rule, place))
            if len(self._timed_here) < PLACES_MAX:
                self._timed_here[place] = found
        return found


def _is_for(rule: Rule, place: Place) -> bool:
    return (not rule.shops or place[2] in rule.shops) and possible(rule.conditions, *place) is not False


@dataclass(frozen=True, slots=True)
class Chain:
    """How an event came about: `ran` are the rules that led to it, on its ticket; `depth` its links."""

    by_rule: bool = False
    ran: frozenset[str] = frozenset()
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one rule: it did something, its conditions did not hold, or it was stopped."""

    known: Known
    why_not: str | None = None
    stopped: str | None = None
    """`loop` or `depth`."""
    doing: Doing | None = None
    says: tuple[tuple[int, Any], ...] = ()
    """Notes, mentions and answers, with their places among the actions."""

    @property
    def matched(self) -> bool:
        """Whether its conditions held."""
        return self.why_not is None

    @property
    def acts(self) -> bool:
        """Whether there is anything to do."""
        return self.doing is not None and (self.doing.changes or bool(self.says))

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """Actions that cannot be."""
        return self.doing.refused if self.doing else ()


def run(rules: Sequence[Known], facts: Facts, chain: Chain = Chain()) -> list[Outcome]:
    """Ask each rule, the first by its order first; ends behind one that matched and says `stop`."""
    outcomes = []
    for known in sorted(rules, key=lambda one: one.place):
        outcome = _ask(known, facts, chain)
        outcomes.append(outcome)
        if outcome.doing is not None:
            facts = replace(facts, ticket=outcome.doing.edited.ticket)
        if outcome.matched and known.rule.stop:
            break
    return outcomes


def _ask(known: Known, facts: Facts, chain: Chain) -> Outcome:
    ticket, rule = facts.ticket, known.rule
    if ticket.spam or ticket.merged_into is not None:
        return Outcome(known, why_not="spam" if ticket.spam else "merged away")
    if rule.shops and ticket.shop not in rule.shops:
        return Outcome(known, why_not=f"shop is {ticket.shop}")
    why = why_not(rule.conditions, facts) if rule.conditions is not None else None
    if why is not None:
        return Outcome(known, why_not=why)
    says = tuple((n, action) for n, action in enumerate(rule.actions) if not isinstance(action, FIELD_ACTIONS))
    found = Outcome(known, doing=do(ticket, rule.actions, facts.now), says=says)
    if not found.acts:
        return found
    if chain.by_rule and known.id in chain.ran:
        return Outcome(known, stopped="loop")
    return Outcome(known, stopped="depth") if chain.depth >= DEPTH_MAX else found
