"""MESSAGES: every type of record that may stand on a topic, by its CloudEvents type."""

from shared.contracts import (
    agent_events,
    contacts,
    delivery_events,
    inbound_messages,
    inbound_receipts,
    order_events,
    outbound_commands,
    privacy_events,
    raw_inbound,
    routing_events,
    settings,
    signals,
    sla_events,
    ticket_events,
)
from shared.contracts.envelope import Message

MESSAGES: dict[str, type[Message]] = {
    message.TYPE: message
    for module in (
        raw_inbound,
        inbound_messages,
        inbound_receipts,
        ticket_events,
        sla_events,
        routing_events,
        agent_events,
        outbound_commands,
        delivery_events,
        contacts,
        order_events,
        privacy_events,
        settings,
        signals,
    )
    for message in module.MESSAGES
}
