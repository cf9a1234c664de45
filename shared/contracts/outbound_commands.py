"""Topic outbound-commands: what notify is asked to send to a customer; records expire, so content may stand here."""

from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.envelope import Message
from shared.contracts.fields import LanguageTag, Moment, Slug, Token
from shared.contracts.inbound_messages import COPIES_MAX, Attachment, Copied, Short, Text


class Recipient(BaseModel):
    """The identity a message goes to, as the channel knows it: (kind, scope, value) within a workspace."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Token
    scope: Annotated[str, Field(max_length=200)] = ""
    value: Annotated[str, Field(min_length=1, max_length=320)]
    name: Annotated[str, Field(max_length=200)] | None = None


class Template(BaseModel):
    """A message whose wording the provider approved before, with what fills its gaps in their order."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[str, Field(min_length=1, max_length=512)]
    language: Annotated[str, Field(min_length=2, max_length=20)]
    """The provider's own tag of the wording, such as `en_US`."""
    values: tuple[Annotated[str, Field(max_length=1024)], ...] = ()


class SendMessage(Message):
    """Send one message to a customer; `message` is the id of the command: one send per id, for ever."""

    TYPE: ClassVar[str] = "switchboard.outbound.send-message.v1"
    TOPIC: ClassVar[str] = "outbound-commands"

    message: UUID
    ticket: UUID
    person: UUID
    channel: Token
    account: Slug
    recipient: Recipient
    copies: Annotated[tuple[Copied, ...], Field(max_length=COPIES_MAX)] | None = None
    """Who gets the same message, visible to all, on a channel that carries copies."""
    thread: Short | None = None
    """The provider's name of the conversation the customer wrote in."""
    in_reply_to: tuple[Short, ...] = ()
    """Natural ids of the customer's messages this one answers, newest last."""
    reply_token: Short | None = None
    """Names the ticket and is signed: where the channel's address can carry it, an answer to it finds its ticket."""
    subject: Short | None = None
    text: Text
    text_blob: Short | None = None
    """Key of the whole text in the blob store where it was too long for a record."""
    attachments: tuple[Attachment, ...] = ()
    language: LanguageTag | None = None
    heard_at: Moment | None = None
    """When the customer's newest message on this account was accepted; a channel's reply window counts from it."""
    template: Template | None = None
    """Sent instead of `text` where the reply window has closed."""
    author: Slug | None = None
    """The agent who wrote it; None where a rule or the bot did."""
    automatic: bool = False
    secret: bool | None = None
    """True where nobody but its recipient may read the text, such as a one-time code: it is kept nowhere once sent."""
    unsubscribe: Annotated[str, Field(max_length=1000)] | None = None
    """Only on messages nobody asked for: an https address at which one POST ends them for this recipient (RFC 8058)."""

    def key(self, workspace: str) -> str:
        """What goes to one recipient keeps its order."""
        return f"{workspace}/{self.channel}/{self.account}/{self.recipient.value}"

    def about(self) -> str:
        """The message's id."""
        return str(self.message)


MESSAGES: tuple[type[Message], ...] = (SendMessage,)
