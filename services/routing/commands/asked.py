"""The commands and who gave them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.routing.domain.ticket import PRIORITIES, Ticket
from shared.contracts.agent_events import Presence
from shared.errors import Forbidden, Refused
from shared.identity import Identity


@dataclass(frozen=True, slots=True)
class Accept:
    """Take the ticket that I was asked to take."""

    offer: UUID


@dataclass(frozen=True, slots=True)
class Decline:
    """Do not take it, and why."""

    offer: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Tell:
    """My presence; at the same time the heartbeat that says my stream lives."""

    presence: Presence
    reason: str
    channels: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Next:
    """Give me the next ticket that I may take, of this channel where one is named."""

    channel: str | None = None


Command = Accept | Decline | Tell | Next
Answer = dict[str, Any]
Answered = Answer | Refused


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and who gave it."""

    command: Command
    who: Identity

    @property
    def agent(self) -> str:
        """The agent whose command it is; raises Forbidden where the key is nobody's."""
        if self.who.agent is None:
            raise Forbidden("this key names no agent; ask for one that does", reason="no_agent")
        return self.who.agent

    def may_see(self, shop: str | None) -> bool:
        """Whether the caller is allowed in the shop; a key limited to shops sees nothing that has none."""
        return not self.who.shops or shop in self.who.shops


def ticket_answer(ticket: Ticket) -> Answer:
    """A ticket as commands answer it."""
    return {
        "ticket": ticket.id,
        "place": ticket.place,
        "version": ticket.version,
        "agent": ticket.agent,
        "offer": ticket.offer,
        "channel": ticket.channel,
        "shop": ticket.shop,
        "language": ticket.language,
        "priority": PRIORITIES[ticket.rank],
        "enqueued_at": ticket.enqueued_at,
        "lease_until": ticket.lease_until,
        "reason": ticket.reason,
    }
