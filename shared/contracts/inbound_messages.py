"""Topic inbound-messages: what a customer said, the same shape for every channel."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from shared.contracts.envelope import Message
from shared.contracts.fields import LanguageTag, Moment, Slug, Token

Text = Annotated[str, Field(max_length=400_000)]
"""Personal content; it may stand in this topic because its records expire."""

Short = Annotated[str, Field(max_length=1_000)]


class Sender(BaseModel):
    """An identity as the channel gives it: unique by (kind, scope, value) within a workspace."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Token
    """What sort of address: `email`, `phone`, `telegram`, `external`."""
    scope: Annotated[str, Field(max_length=200)] = ""
    """Where the value is unique: empty for the world (e-mail, phone), else the account."""
    value: Annotated[str, Field(min_length=1, max_length=320)]
    name: Annotated[str, Field(max_length=200)] | None = None
    language: LanguageTag | None = None
    """The language the sender's client or the provider names."""
    verified: bool = False
    """The provider proved that this identity wrote (definitions.md, "Verified for")."""


COPIES_MAX = 50


class Copied(BaseModel):
    """Somebody who reads along: an address that a message went to beside ours, or that an answer is copied to."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Token
    scope: Annotated[str, Field(max_length=200)] = ""
    value: Annotated[str, Field(min_length=1, max_length=320)]
    name: Annotated[str, Field(max_length=200)] | None = None


class Attachment(BaseModel):
    """A file that came with a message; `blob` is set once its bytes are in the blob store."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Short = ""
    media_type: Annotated[str, Field(max_length=200)] = "application/octet-stream"
    size: Annotated[int, Field(ge=0)] | None = None
    blob: Short | None = None
    """Key in the blob store."""
    reference: Annotated[str, Field(max_length=4_000)] | None = None
    """The provider's own id or address of the file, where it is fetched later."""
    content: SkipJsonSchema[bytes | None] = Field(default=None, exclude=True, repr=False)
    """Its bytes, in the hands of who sends it; never part of a record."""


class MessageReceived(Message):
    """One message of a customer, or what was done to one later: an edit, a withdrawal, a reaction.

    Those have a natural id of their own and name the message they are about by its natural id (for one of ours: by the
    provider's id of it). With `echo` it is the desk's side that wrote or did it, in an app of the provider.
    """

    TYPE: ClassVar[str] = "switchboard.inbound.message-received.v1"
    TOPIC: ClassVar[str] = "inbound-messages"

    channel: Token
    account: Slug
    natural_id: Short
    """The provider's id of the message, unique for ever within (workspace, channel, account)."""
    edit_of: Short | None = None
    """The message whose text this one replaces."""
    withdraws: Short | None = None
    """The message that was taken back by who wrote it; `text` is empty."""
    reacts_to: Short | None = None
    """The message that got a reaction; `text` is the emoji, empty where it was taken back."""
    echo: bool | None = None
    """Written by the desk's side in the provider's own app: `sender` is the customer that it went to."""
    sender: Sender
    copied: Annotated[tuple[Copied, ...], Field(max_length=COPIES_MAX)] | None = None
    """Who else got it and may read the answer, where the channel tells; our own addresses are not among them."""
    thread: Short | None = None
    """The provider's name of the conversation (chat id, thread id)."""
    reply_token: Short | None = None
    """A token of ours that came back and names a ticket; checked by tickets."""
    references: tuple[Short, ...] = ()
    """Message-IDs this one answers, newest last, without angle brackets."""
    message_id: Short | None = None
    """What a mail calls itself, without angle brackets; answers name it. Others' natural ids serve for that."""
    subject: Short | None = None
    text: Text = ""
    text_blob: Short | None = None
    """Key of the whole text in the blob store where it was too long for a record; `text` then holds its beginning."""
    quoted: Text | None = None
    """What stood in the mail beside `text`: what it quotes, and its signature."""
    attachments: tuple[Attachment, ...] = ()
    automatic: Token | None = None
    """Set where nobody wrote this: `auto-reply`, `bounce`, `delivery-report`, `bulk`."""
    order: Annotated[str, Field(max_length=64)] | None = None
    """The order the customer named in a form field."""
    provider_time: Moment | None = None
    accepted_at: Moment
    content_key: str | None = None
    """SHA-256 that is the same for one mail over two routes; e-mail only."""
    raw: Short | None = None
    """Where the raw record stands: its CloudEvents id on raw-inbound."""

    def key(self, workspace: str) -> str:
        """One sender's messages keep their order."""
        return f"{workspace}/{self.channel}/{self.account}/{self.sender.value}"

    def about(self) -> str:
        """The natural id."""
        return self.natural_id


MESSAGES: tuple[type[Message], ...] = (MessageReceived,)
