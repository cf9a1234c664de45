"""Topic agent-events: presence of agents; permanent, so ids and registry words only."""

from typing import ClassVar, Literal

from shared.contracts.envelope import Message
from shared.contracts.fields import Slug, Token

Presence = Literal["available", "away", "finishing", "offline"]


class PresenceChanged(Message):
    """An agent became available, away with a reason, finishing (no new work) or offline."""

    TYPE: ClassVar[str] = "switchboard.agent.presence-changed.v1"
    TOPIC: ClassVar[str] = "agent-events"

    agent: Slug
    presence: Presence
    was: Presence
    reason: Token

    def key(self, workspace: str) -> str:
        """Events of an agent keep their order."""
        return f"{workspace}/{self.agent}"

    def about(self) -> str:
        """The agent's id."""
        return self.agent


MESSAGES: tuple[type[Message], ...] = (PresenceChanged,)
