"""The one list of topics: name, key, owner, readers, retention and what becomes of poison (architecture.md §4)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

DAYS_7 = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Topic:
    """A Kafka topic; `retention` None is for ever, `busy` topics get more partitions."""

    name: str
    key: str
    owner: str
    consumers: tuple[str, ...]
    retention: timedelta | None
    on_poison: Literal["park", "skip"]
    carries: str
    compacted: bool = False
    busy: bool = False

    @property
    def permanent(self) -> bool:
        """Records stay for ever, so no personal content may stand in them."""
        return self.retention is None and not self.compacted


RAW_INBOUND = Topic(
    name="raw-inbound",
    key="channel/account",
    owner="ingest",
    consumers=("ingest",),
    retention=DAYS_7,
    on_poison="skip",
    carries="bytes and headers as received, for replay after a parser fix",
    busy=True,
)
INBOUND_MESSAGES = Topic(
    name="inbound-messages",
    key="workspace/channel/account/sender",
    owner="ingest",
    consumers=("tickets",),
    retention=DAYS_7,
    on_poison="skip",
    carries="one normalised message or edit",
    busy=True,
)
TICKET_EVENTS = Topic(
    name="ticket-events",
    key="ticket",
    owner="tickets",
    consumers=("routing", "metrics", "tickets"),
    retention=None,
    on_poison="park",
    carries="what became of a ticket",
    busy=True,
)
ROUTING_EVENTS = Topic(
    name="routing-events",
    key="ticket",
    owner="routing",
    consumers=("tickets", "routing", "metrics"),
    retention=None,
    on_poison="park",
    carries="who was asked, who holds, and why",
    busy=True,
)
AGENT_EVENTS = Topic(
    name="agent-events",
    key="agent",
    owner="routing",
    consumers=("metrics",),
    retention=None,
    on_poison="park",
    carries="presence of agents",
)
INBOUND_RECEIPTS = Topic(
    name="inbound-receipts",
    key="workspace/channel/account/provider's message id",
    owner="ingest",
    consumers=("notify",),
    retention=DAYS_7,
    on_poison="skip",
    carries="sent, delivered, read, failed: what a provider tells about a message sent through it",
)
OUTBOUND_COMMANDS = Topic(
    name="outbound-commands",
    key="workspace/channel/account/recipient",
    owner="tickets",
    consumers=("notify", "tickets"),
    retention=DAYS_7,
    on_poison="park",
    carries="what notify is asked to send",
    busy=True,
)
DELIVERY_EVENTS = Topic(
    name="delivery-events",
    key="message",
    owner="notify",
    consumers=("tickets", "notify", "metrics"),
    retention=None,
    on_poison="park",
    carries="how far a message to a customer has come",
    busy=True,
)
CONTACTS = Topic(
    name="contacts",
    key="workspace/person",
    owner="tickets",
    consumers=("notify",),
    retention=None,
    on_poison="park",
    carries="a person's identities, language, zone, preference",
    compacted=True,
)
ORDER_EVENTS = Topic(
    name="order-events",
    key="order",
    owner="orders",
    consumers=("tickets",),
    retention=None,
    on_poison="park",
    carries="what became of an order",
)
PRIVACY_EVENTS = Topic(
    name="privacy-events",
    key="person",
    owner="tickets",
    consumers=("tickets", "ingest", "notify", "metrics"),
    retention=None,
    on_poison="park",
    carries="erasures asked for, and each service's acknowledgement",
)
SETTINGS = Topic(
    name="settings",
    key="workspace/kind/id",
    owner="gateway",
    consumers=("gateway", "ingest", "tickets", "routing", "notify", "metrics"),
    retention=None,
    on_poison="skip",
    carries="configuration documents",
    compacted=True,
)

SIGNALS = Topic(
    name="signals",
    key="session",
    owner="gateway",
    consumers=("gateway",),
    retention=timedelta(hours=1),
    on_poison="skip",
    carries="who looks at a ticket, and who types; tailed, never in an inbox",
)

TOPICS: dict[str, Topic] = {
    topic.name: topic
    for topic in (
        RAW_INBOUND,
        INBOUND_MESSAGES,
        INBOUND_RECEIPTS,
        TICKET_EVENTS,
        ROUTING_EVENTS,
        AGENT_EVENTS,
        OUTBOUND_COMMANDS,
        DELIVERY_EVENTS,
        CONTACTS,
        ORDER_EVENTS,
        PRIVACY_EVENTS,
        SETTINGS,
        SIGNALS,
    )
}
