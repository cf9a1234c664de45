"""Topic inbound-receipts: what a provider tells about a message that was sent through it."""

from typing import ClassVar, Literal

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Slug, Token
from shared.contracts.inbound_messages import Short

Receipt = Literal["sent", "delivered", "read", "failed"]


class ReceiptReceived(Message):
    """A provider's word on one message; it may come twice, late, out of order, or before our send returned."""

    TYPE: ClassVar[str] = "switchboard.inbound.receipt-received.v1"
    TOPIC: ClassVar[str] = "inbound-receipts"

    channel: Token
    account: Slug
    provider_id: Short
    """The provider's id of the message, or ours where the provider gives ours back; empty with `through`."""
    recipient: Short | None = None
    """The customer's value as the channel knows it, where the word is about all messages to him."""
    through: Moment | None = None
    """With `recipient`: the word is about every message to him that was sent up to then (a watermark)."""
    state: Receipt
    at: Moment
    """When the provider says it happened, else when its word was accepted."""
    reason: Token | None = None
    """Why it failed, as a word: `blocked`, `no-such-recipient`, `mailbox-full`…"""
    accepted_at: Moment

    def key(self, workspace: str) -> str:
        """Receipts of a message keep their order."""
        return f"{workspace}/{self.channel}/{self.account}/{self.about()}"

    def about(self) -> str:
        """The provider's id of the message, else whom the watermark is of."""
        return self.provider_id or self.recipient or ""


MESSAGES: tuple[type[Message], ...] = (ReceiptReceived,)
