"""Topic contacts: whom a person's identities reach, in which language and zone; compacted, newest of each person."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.envelope import Message
from shared.contracts.fields import LanguageTag, Token


class ContactIdentity(BaseModel):
    """One way to reach the person."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Token
    scope: Annotated[str, Field(max_length=200)] = ""
    value: Annotated[str, Field(min_length=1, max_length=320)]
    verified: bool = False


class ContactChanged(Message):
    """A person's newest state; one who was erased keeps only `erased`, which compaction leaves as the last word."""

    TYPE: ClassVar[str] = "switchboard.contact.changed.v1"
    TOPIC: ClassVar[str] = "contacts"

    person: UUID
    name: Annotated[str, Field(max_length=200)] | None = None
    identities: tuple[ContactIdentity, ...] = ()
    language: LanguageTag | None = None
    zone: Annotated[str, Field(max_length=64)] | None = None
    preference: Token | None = None
    """The channel the person wants proactive messages on."""
    merged_into: UUID | None = None
    """Who has the person's identities now; such a person has none of his own until the merge is undone."""
    erased: bool = False

    def key(self, workspace: str) -> str:
        """The newest state of a person is what compaction keeps."""
        return f"{workspace}/{self.person}"

    def about(self) -> str:
        """The person's id."""
        return str(self.person)


MESSAGES: tuple[type[Message], ...] = (ContactChanged,)
