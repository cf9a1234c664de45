"""Topic privacy-events: a person asked to be erased, and each service's word that it has done so; permanent."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import StringConstraints

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug, Token

Tombstone = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""HMAC-SHA256 of an identity under the installation's key: it is recognised when it comes again, and says nothing."""


class PrivacyEvent(Message):
    """What every privacy event carries."""

    TOPIC: ClassVar[str] = "privacy-events"

    person: UUID
    request: UUID

    def key(self, workspace: str) -> str:
        """Events of a person keep their order."""
        return str(self.person)

    def about(self) -> str:
        """The person's id."""
        return str(self.person)


class ErasureRequested(PrivacyEvent):
    """Erase the person: rows and blobs now, and whatever of these identities was accepted before `before`."""

    TYPE: ClassVar[str] = "switchboard.privacy.erasure-requested.v1"

    identities: tuple[Tombstone, ...]
    before: Moment
    by: Slug | None = None
    """The agent who asked for it, where one did."""


class ErasureDone(PrivacyEvent):
    """A service holds nothing of the person any more."""

    TYPE: ClassVar[str] = "switchboard.privacy.erasure-done.v1"

    service: Token


MESSAGES: tuple[type[Message], ...] = (ErasureRequested, ErasureDone)
