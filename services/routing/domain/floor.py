"""The agents at one moment: who is there, how much room each has; what one match gives out is taken from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.routing.domain.crew import Bits, Crew, members
from services.routing.domain.needs import Need
from shared.contracts.agent_events import Presence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Seat:
    """One agent's presence and load as stored."""

    agent: str
    presence: Presence = "offline"
    channels: tuple[str, ...] | None = None
    """Channels he takes work from now; None: all."""
    load: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    """Tickets that weigh on him, by channel."""
    idle_since: datetime = EPOCH
    """When he was last given work, finished some, or came back."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket that waits; `excluded` are agents not to be asked for it now."""

    id: UUID
    need: Need
    rank: int
    enqueued_at: datetime
    excluded: tuple[str, ...] = ()


class Floor:
    """Working state of one match; sets only shrink, since a match gives work and takes none back."""

    def __init__(self, crew: Crew, seats: Mapping[str, Seat], at: datetime) -> None:
        self.crew = crew
        self.at = at
        self.at_us = microseconds(at)
        self.seats = [seats.get(id_) or Seat(id_) for id_ in crew.ids]
        self.available: Bits = sum(1 << i for i, seat in enumerate(self.seats) if seat.presence == "available")
        self.load = [seat.load for seat in self.seats]
        self.free = [profile.capacity - load for profile, load in zip(crew.profiles, self.load, strict=True)]
        self.since = [microseconds(seat.idle_since) for seat in self.seats]
        self._held = [dict(seat.held) for seat in self.seats]
        self._given = 0
        self._taken: set[int] = set()
        self._present: dict[str, Bits] = {}
        self._roomy: dict[int, Bits] = {}
        self._below: dict[str, Bits] = {}
        self._rarity: dict[str, int] = {}
        self._rarest: dict[int, list[tuple[int, str]]] = {}

    def present(self, channel: str) -> Bits:
        """Who takes work of this channel now."""
        found = self._present.get(channel)
        if found is None:
            limited = sum(
                1 << i for i, s in enumerate(self.seats) if s.channels is not None and channel not in s.channels
            )
            found = self._present[channel] = self.available & ~limited
        return found

    def roomy(self, weight: int) -> Bits:
        """Who has free capacity of at least this weight."""
        found = self._roomy.get(weight)
        if found is None:
            found = self._roomy[weight] = sum(1 << i for i, free in enumerate(self.free) if free >= weight)
        return found

    def below_cap(self, channel: str) -> Bits:
        """Who may hold one more ticket of this channel."""
        found = self._below.get(channel)
        if found is None:
            found = sum(1 << i for i in range(len(self.seats)) if self._may_hold_more(i, channel))
            self._below[channel] = found
        return found

    def rarity(self, skill: str) -> int:
        """How rare a skill is among the available: 0 (all have it) to 1000 (nearly nobody)."""
        found = self._rarity.get(skill)
        if found is None:
            there = self.available.bit_count()
            having = (self.crew.skilled(skill, 1) & self.available).bit_count()
            found = self._rarity[skill] = 1000 * (there - having) // there if there else 0
        return found

    def rarest(self, place: int) -> list[tuple[int, str]]:
        """An agent's skills with their rarity, the rarest first."""
        found = self._rarest.get(place)
        if found is None:
            skills = self.crew.profiles[place].skills
            found = self._rarest[place] = sorted([(self.rarity(skill), skill) for skill in skills], reverse=True)
        return found

    def give(self, place: int, need: Need) -> datetime:
        """Let the agent have one ticket more; gives when, a microsecond later each time, so that order is kept."""
        self._given += 1
        self._taken.add(place)
        self.since[place] = self.at_us + self._given
        self.load[place] += need.weight
        self.free[place] -= need.weight
        gone = ~(1 << place)
        for weight, roomy in self._roomy.items():
            if weight > self.free[place]:
                self._roomy[weight] = roomy & gone
        held = self._held[place]
        held[need.channel] = held.get(need.channel, 0) + 1
        below = self._below.get(need.channel)
        if below is not None and not self._may_hold_more(place, need.channel):
            self._below[need.channel] = below & gone
        return self.at + timedelta(microseconds=self._given)

    def seated(self, seats: Mapping[str, Seat]) -> dict[str, Seat]:
        """The seats this floor was made from, after what was given out."""
        after = dict(seats)
        for place in self._taken:
            seat, at = self.seats[place], EPOCH + self.since[place] * _MICROSECOND
            idle_since = max(seat.idle_since, at)
            after[seat.agent] = replace(seat, load=self.load[place], held=self._held[place], idle_since=idle_since)
        return after

    def names(self, bits: Bits) -> list[str]:
        """Ids of the agents in a set, sorted."""
        return [self.crew.ids[place] for place in members(bits)]

    def _may_hold_more(self, place: int, channel: str) -> bool:
        cap = self.crew.profiles[place].channel_caps.get(channel)
        return cap is None or self._held[place].get(channel, 0) < cap


def microseconds(moment: datetime) -> int:
    """Since the epoch, exactly."""
    return (moment - EPOCH) // _MICROSECOND
