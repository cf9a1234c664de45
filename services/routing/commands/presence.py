"""An agent tells his presence; who is not there any more gives his open offers back at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from services.routing.absence import say_presence
from services.routing.changes import Changes
from services.routing.commands.asked import Answer, Asked, Tell
from services.routing.domain.lifecycle import end_offer
from services.routing.domain.presence import Agent, tell
from services.routing.live import LIVE
from services.routing.repo import agents, tickets
from shared.bus import Context
from shared.errors import NotFound

NOT_THERE = frozenset({"away", "offline"})


@dataclass(slots=True)
class Presences:
    """The agents that a batch of commands is about."""

    changes: Changes
    workspace: str
    known: dict[str, Agent]
    after: dict[str, Agent] = field(default_factory=dict)

    @staticmethod
    async def read(tx: asyncpg.Connection, changes: Changes, workspace: str, asked: Sequence[Asked]) -> "Presences":
        """Those named by the commands, and what is offered to those who leave."""
        told = [(one.who.agent, one.command.presence) for one in asked if isinstance(one.command, Tell)]
        names = {name for name, _ in told if name is not None}
        known = await agents.read(tx, workspace, names) if names else {}
        leaving = sorted({name for name, presence in told if name is not None and presence in NOT_THERE})
        if leaving:
            changes.know(await tickets.of_agents(tx, workspace, leaving))
        return Presences(changes, workspace, known)

    def tell(self, asked: Asked, command: Tell) -> Answer:
        """Take his word for it; raises NotFound where settings have no such agent."""
        name, now = asked.agent, self.changes.now
        if name not in LIVE.desk(self.workspace).crew.index:
            raise NotFound(f"settings have no enabled agent {name}", reason="no_such_agent")
        before = self.after.get(name) or self.known.get(name)
        said = Agent(self.workspace, name, command.presence, command.reason, command.channels, now, now)
        after = self.after[name] = tell(before, said)
        changed = before is None or (before.version, before.channels) != (after.version, after.channels)
        if changed:
            self.changes.mark_dirty(self.workspace)
        if command.presence in NOT_THERE:
            self._recall(name, f"agent-{command.presence}")
        return {
            "agent": name,
            "presence": after.presence,
            "reason": after.reason,
            "channels": after.channels,
            "since": after.since,
            "heartbeat_at": after.heartbeat_at,
        }

    def _recall(self, name: str, reason: str) -> None:
        for ticket in self.changes.tickets():
            if ticket.place == "offered" and ticket.agent == name:
                self.changes.step(end_offer(ticket, "withdrawn", reason=reason))

    async def save(self, tx: asyncpg.Connection, ctx: Context) -> None:
        """Write and say what changed."""
        after = list(self.after.values())
        await agents.save(tx, after, self.known)
        say_presence(ctx, self.known, after)
