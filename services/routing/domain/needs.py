"""What a waiting ticket asks of an agent at a moment, from the policy; tickets that ask the same share one object."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.routing_events import Mode
from shared.contracts.settings import ChannelRouting, Routing

Skills = tuple[tuple[str, int], ...]
"""Hard skills in force, with their levels, sorted."""


@dataclass(frozen=True, slots=True)
class Need:
    """Everything that makes two tickets the same to an agent."""

    channel: str
    shop: str | None
    language: str | None
    skills: Skills
    weight: int
    mode: Mode
    lease_s: int


class Needs:
    """Reads needs from one policy."""

    def __init__(self, policy: Routing) -> None:
        self.policy = policy
        self._known: dict[tuple[str, str | None, str | None, int], Need] = {}
        self._until: dict[str, tuple[int, ...]] = {}

    def routing(self, channel: str) -> ChannelRouting:
        """How the channel is routed."""
        return self.policy.channels.get(channel, self.policy.default)

    def weight(self, channel: str) -> int:
        """What one ticket of the channel takes of an agent's capacity."""
        return self.routing(channel).weight

    def lightest(self) -> int:
        """The smallest weight of any channel: who has less room takes nothing."""
        return min(r.weight for r in (self.policy.default, *self.policy.channels.values()))

    def of(self, channel: str, shop: str | None, language: str | None, waited: timedelta) -> Need:
        """What a ticket of this channel, shop and language asks for after it has waited so long."""
        until = self._lapses(channel)
        lapsed = sum(1 for limit in until if waited.total_seconds() >= limit) if until else 0
        key = (channel, shop, language, lapsed)
        need = self._known.get(key)
        if need is None:
            need = self._known[key] = self._make(channel, shop, language, waited)
        return need

    def next_lapse(self, channel: str, enqueued_at: datetime, now: datetime) -> datetime | None:
        """When the next step of a waiting ticket lapses, so that it asks for less."""
        moments = (enqueued_at + timedelta(seconds=limit) for limit in self._lapses(channel))
        return min((moment for moment in moments if moment > now), default=None)

    def _lapses(self, channel: str) -> tuple[int, ...]:
        until = self._until.get(channel)
        if until is None:
            steps = self.routing(channel).requires
            until = self._until[channel] = tuple(sorted({s.until_s for s in steps if s.until_s is not None}))
        return until

    def _make(self, channel: str, shop: str | None, language: str | None, waited: timedelta) -> Need:
        routing = self.routing(channel)
        levels: dict[str, int] = {}
        for step in routing.requires:
            if step.until_s is None or waited.total_seconds() < step.until_s:
                levels[step.skill] = max(step.level, levels.get(step.skill, 0))
        return Need(
            channel=channel,
            shop=shop,
            language=language if self.policy.require_language else None,
            skills=tuple(sorted(levels.items())),
            weight=routing.weight,
            mode=routing.mode,
            lease_s=routing.lease_s,
        )
