"""Topic order-events: what became of an order; permanent, so ids, numbers and registry words only.

Every event carries the whole small state of the order and the envelope's `version` counts its changes, so that others
keep a copy of it: the newest version wins. What was bought, by whom and where it goes stands with the owner, orders.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from shared.contracts.envelope import Message
from shared.contracts.fields import Moment, Token

OrderNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{0,12}[0-9][A-Z0-9-]{0,11}$")]
"""What shop and customer call the order, as shared/text.py `order_number` writes it: `1001`, `EU-1001`."""
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
Minor = Annotated[int, Field(ge=0)]
"""Money in the currency's smallest unit."""
IdentityHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""An identity of the customer as an HMAC (shared/tombstones.py): it can be recognised and tells nothing."""
Fulfilment = Literal["open", "partial", "fulfilled", "cancelled"]
"""open: nothing has left the warehouse; partial: some of it; fulfilled: all of it."""


class OrderEvent(Message):
    """What every order event carries: the order after it."""

    TOPIC: ClassVar[str] = "order-events"

    order: UUID
    number: OrderNumber
    customer_hashes: Annotated[tuple[IdentityHash, ...], Field(max_length=20)] = ()
    """Whose it is: every identity that the shop knows of the customer."""
    placed_at: Moment
    fulfilment: Fulfilment
    cut_off_at: Moment | None = None
    """Until when the warehouse takes changes, where the shop's system says; else the shop's `cut_off` counts."""
    currency: Currency
    total_minor: Minor
    refunded_minor: Minor = 0
    """All refunds so far."""

    def key(self, workspace: str) -> str:
        """Events of an order keep their order."""
        return str(self.order)

    def about(self) -> str:
        """The order's id."""
        return str(self.order)


class OrderPlaced(OrderEvent):
    """A customer bought something."""

    TYPE: ClassVar[str] = "switchboard.order.placed.v1"


class OrderChanged(OrderEvent):
    """Its items, its address or its money are otherwise."""

    TYPE: ClassVar[str] = "switchboard.order.changed.v1"

    fields: tuple[Token, ...] = ()
    """What changed, in words of the registry: `items`, `address`, `total`, `customer`."""


class OrderFulfilled(OrderEvent):
    """Some of it, or all, has left the warehouse."""

    TYPE: ClassVar[str] = "switchboard.order.fulfilled.v1"

    shipped_at: Moment


class OrderRefunded(OrderEvent):
    """Money went back; `refunded_minor` is all of it, with this."""

    TYPE: ClassVar[str] = "switchboard.order.refunded.v1"

    amount_minor: Minor
    reason: Token | None = None


class OrderCancelled(OrderEvent):
    """It will not be sent."""

    TYPE: ClassVar[str] = "switchboard.order.cancelled.v1"

    reason: Token | None = None


MESSAGES: tuple[type[Message], ...] = (OrderPlaced, OrderChanged, OrderFulfilled, OrderRefunded, OrderCancelled)
