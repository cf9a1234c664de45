"""Topic signals: what is true for seconds only and stored nowhere: who looks at a ticket, and who types."""

from typing import ClassVar, Literal
from uuid import UUID

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug

Looking = Literal["viewing", "typing", "gone"]


class TicketViewed(Message):
    """An agent has a ticket before him, until `until` unless he says so again, or that he is gone."""

    TYPE: ClassVar[str] = "switchboard.signal.viewing.v1"
    TOPIC: ClassVar[str] = "signals"

    session: UUID
    """One for each session and ticket; it says nothing else."""
    ticket: UUID
    agent: Slug
    state: Looking
    until: Moment

    def key(self, workspace: str) -> str:
        """What one session says keeps its order."""
        return str(self.session)

    def about(self) -> str:
        """The ticket's id."""
        return str(self.ticket)


MESSAGES: tuple[type[Message], ...] = (TicketViewed,)
