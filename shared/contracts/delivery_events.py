"""Topic delivery-events: how far a message to a customer has come; permanent, so ids and registry words only."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import StringConstraints

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug, Token

Delivery = Literal["queued", "unknown", "sent", "delivered", "read", "failed"]
ProviderHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class DeliveryChanged(Message):
    """A message moved up (definitions.md, "Delivery of messages"); the envelope's `version` counts its changes.

    `unknown`: the provider may have it and cannot be asked; a person decides, nothing is repeated blindly.
    """

    TYPE: ClassVar[str] = "switchboard.delivery.changed.v1"
    TOPIC: ClassVar[str] = "delivery-events"

    message: UUID
    ticket: UUID
    person: UUID
    channel: Token
    account: Slug
    state: Delivery
    at: Moment
    """When it came to this: for `sent` the moment of the provider's acceptance."""
    reason: Token | None = None
    """Why it failed or is unknown."""
    attempts: int = 0
    provider_hashes: tuple[ProviderHash, ...] | None = None
    """What the provider calls the message and its parts, as HMACs (shared/provider_names.py): such a name may hold a
    telephone number."""

    def key(self, workspace: str) -> str:
        """What happens to a message keeps its order."""
        return str(self.message)

    def about(self) -> str:
        """The message's id."""
        return str(self.message)


MESSAGES: tuple[type[Message], ...] = (DeliveryChanged,)
