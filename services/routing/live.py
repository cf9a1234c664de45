"""What one process of routing keeps between transactions: whom to match, crews and policies, its own log."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from services.routing.domain.crew import Crew, Profile
from services.routing.domain.needs import Needs
from shared.contracts.settings import Agent, Routing
from shared.errors import MayPass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shared.bus import SettingsReader
    from shared.bus.consumer import Consumer
    from shared.service import Runtime

POLICY = "default"
KINDS_USED = frozenset({"agent", "routing"})


class CatchingUp(MayPass):
    """Routing has not yet read back what it said itself, so it decides nothing."""

    reason = "catching_up"

    def __init__(self) -> None:
        super().__init__("routing reads its own log back after a start or a restore; try again in a moment")


class OwnLog:
    """Whether everything routing ever said is known to its database.

    A database restored to an earlier state has forgotten decisions that others acted on; its own log teaches them
    again. Until then, and whenever the database is behind what this process has seen, nothing new is decided.
    """

    def __init__(self) -> None:
        self._consumer: Consumer | None = None
        self._known: dict[int, int] | None = None
        self._counted: dict[str, int] = {}
        self.lost = 0
        """How often the database was found behind what this process had seen."""

    def follow(self, consumer: "Consumer") -> None:
        """The consumer of routing-events."""
        self._consumer = consumer

    def read(self) -> bool:
        """Whether the log was read to the end it had when we began or went back; stays so while Kafka is away."""
        if self._consumer is not None and self._consumer.caught_up():
            self._known = dict(self._consumer.source.expected)
        return self._known is not None

    def seen(self) -> "dict[int, int]":
        """The log's next offsets as this process has seen them committed; raises CatchingUp until all is read."""
        if not self.read():
            raise CatchingUp
        assert self._known is not None
        return self._known

    def require(self, seen: "Mapping[int, int]", positions: "Mapping[int, int]", counted: "Mapping[str, int]") -> None:
        """Raise CatchingUp where this transaction's database is behind what we have seen.

        `seen` is from before the transaction read `positions`, the log's next offsets there; `counted` the
        transactions, this one included, that have held each workspace's lock. Where the database is behind, the log
        is read again up to the end that it has now.
        """
        unread = any(positions.get(partition, 0) < offset for partition, offset in seen.items())
        if unread or any(count <= self._counted.get(workspace, 0) for workspace, count in counted.items()):
            self._read_again()
        if not self.read():
            raise CatchingUp

    def remember(self, counted: "Mapping[str, int]") -> None:
        """These counts are committed."""
        for workspace, count in counted.items():
            self._counted[workspace] = max(count, self._counted.get(workspace, 0))

    def _read_again(self) -> None:
        self._known = None
        self.lost += 1
        self._counted.clear()
        if self._consumer is not None:
            self._consumer.source.forget()

    async def wait(self, timeout_s: float) -> None:
        """Wait until it is read; raises CatchingUp after `timeout_s`."""
        until = time.monotonic() + timeout_s
        while not self.read():
            if time.monotonic() > until:
                raise CatchingUp
            await asyncio.sleep(0.02)


@dataclass(frozen=True, slots=True)
class Desk:
    """A workspace's settings, ready for the engine."""

    crew: Crew
    needs: Needs

    @property
    def policy(self) -> Routing:
        """The routing policy."""
        return self.needs.policy


class Live:
    """One per process; `bind` ties it to the runtime."""

    def __init__(self) -> None:
        self.own_log = OwnLog()
        self._desks: dict[str, Desk] = {}
        self._settings: SettingsReader | None = None
        self._changed: dict[str, bool] = {}
        self._agents_changed: set[str] = set()
        self._woken = asyncio.Event()

    def bind(self, runtime: "Runtime") -> None:
        """Follow the runtime's settings and own log."""
        self._settings = runtime.settings
        runtime.settings.on_change(self._on_setting)
        consumer = runtime.consumers.get("routing-events")
        if consumer is not None:
            self.own_log.follow(consumer)

    def wake(self, workspaces: "Iterable[str]") -> None:
        """These workspaces changed and are committed: match them now."""
        for workspace in workspaces:
            self._changed.setdefault(workspace, False)
        self._woken.set()

    def wake_one(self, workspace: str) -> None:
        """This workspace changed."""
        self.wake([workspace])

    def force(self, workspace: str) -> None:
        """Match this workspace even if nothing in the database changed."""
        self._changed[workspace] = True
        self._woken.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait until a workspace is woken, or the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        self._woken.clear()

    def woken(self) -> dict[str, bool]:
        """Take the woken workspaces, with whether they are to be matched even if they are clean."""
        taken, self._changed = self._changed, {}
        return taken

    def check_agents(self, workspace: str) -> None:
        """Its agents may not be those it had."""
        self._agents_changed.add(workspace)

    def agents_changed(self) -> set[str]:
        """Take the workspaces whose agents' settings changed."""
        taken, self._agents_changed = self._agents_changed, set()
        return taken

    def desk(self, workspace: str) -> Desk:
        """The workspace's crew and policy in their newest version."""
        desk = self._desks.get(workspace)
        if desk is None:
            assert self._settings is not None
            desk = self._desks[workspace] = _read_desk(self._settings, workspace)
        return desk

    def _on_setting(self, workspace: str, kind: str, _id: str) -> None:
        if kind in KINDS_USED:
            self._desks.pop(workspace, None)
            self.check_agents(workspace)
            self.force(workspace)


def _read_desk(settings: "SettingsReader", workspace: str) -> Desk:
    policy = settings.get("routing", workspace, POLICY)
    agents = cast("dict[str, Agent]", settings.all("agent", workspace))
    crew = Crew(_profile(id_, agent) for id_, agent in agents.items() if agent.enabled)
    return Desk(crew, Needs(policy if isinstance(policy, Routing) else Routing()))


def _profile(id_: str, agent: Agent) -> Profile:
    return Profile(
        id=id_,
        capacity=agent.capacity,
        skills={skill.skill: skill.level for skill in agent.skills},
        languages=agent.languages,
        shops=agent.shops,
        channel_caps=agent.channel_caps,
    )


LIVE = Live()
"""This process."""
