"""What a batch's messages mean: read before anything is locked, and never a reason to lose or delay one."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.tickets import opening_hours
from services.tickets.domain import changes
from services.tickets.domain.cut_off import CHANGES, Shipping, Warehouse, due_by
from services.tickets.domain.intents import Classified, Classifier, lexicon_classifier
from services.tickets.domain.intents.gratitude import is_nod, is_thanks
from services.tickets.domain.joining import THANKS, Joined, speaks
from services.tickets.domain.meaning import asks, with_meaning
from services.tickets.domain.meaning import changes as changed
from services.tickets.domain.receive import Received
from services.tickets.repo import orders
from services.tickets.repo.messages import Happening
from services.tickets.repo.orders import Named
from services.tickets.spoken import Inbound, offered
from shared.bus import Context
from shared.contracts import settings
from shared.contracts.ticket_events import Priority
from shared.telemetry import metrics
from shared.text import order_number

log = logging.getLogger(__name__)

CLASSIFIER: Classifier = lexicon_classifier()
_WORD = re.compile(r"[#A-Za-z0-9-]*[0-9]{3,}[A-Za-z0-9-]*")
"""What may be the number of an order in a text."""
LOOKED_AT = 4_000
MOST_NUMBERS = 5


@dataclass(slots=True)
class Readings:
    """What was read of a batch, by the ids of its messages."""

    classified: dict[UUID, Classified] = field(default_factory=dict)
    nods: set[UUID] = field(default_factory=set)
    """Messages that are only 👍: thanks, unless they may answer a question."""
    due: dict[UUID, datetime] = field(default_factory=dict)
    """Until when the change that a message asks for can be made."""


def read(batch: Sequence[Inbound], heard: Mapping[UUID, str | None], ctx: Context) -> tuple[list[Inbound], Readings]:
    """The batch, with pure thanks marked as such, and what its messages mean."""
    readings = Readings()
    return [_read(event, heard.get(event.id), ctx, readings) for event in batch], readings


def _read(event: Inbound, heard: str | None, ctx: Context, readings: Readings) -> Inbound:
    message = event.data
    if not speaks(message) or changes.named(message) is not None:
        return event
    if not message.attachments and is_thanks(message.text):
        return thanked(event)
    if not message.attachments and is_nod(message.text):
        readings.nods.add(event.id)
    readings.classified[event.id] = _classified(event, heard or offered(event, ctx))
    return event


def thanked(event: Inbound) -> Inbound:
    """The message as pure thanks: it opens, reopens and wakes nothing (definitions.md)."""
    return replace(event, data=event.data.model_copy(update={"automatic": THANKS}))


def only_thanks(readings: Readings, event: Inbound, joined: Joined) -> bool:
    """Whether a nod is no answer: nobody waits for one on a ticket that is solved or closed, or where there is none."""
    return event.id in readings.nods and (joined.ticket is None or joined.ticket.state == "solved")


def _classified(event: Inbound, language: str | None) -> Classified:
    try:
        return CLASSIFIER.classify(event.data.text, subject=event.data.subject, language=language)
    except Exception:
        metrics.CLASSIFIER_FAILURES.inc()
        log.exception("a message could not be classified; it has no intent", extra={"message_id": str(event.id)})
        return Classified()


async def find_due(tx: asyncpg.Connection, batch: Sequence[Inbound], readings: Readings, ctx: Context) -> None:
    """Look up, in one look, the orders that messages want changed, and until when that can be done."""
    wanted = {
        event.id: numbers
        for event in batch
        if (found := readings.classified.get(event.id)) and found.intent in CHANGES and (numbers := _numbers(event))
    }
    known = await orders.named(tx, sorted({number for numbers in wanted.values() for number in numbers}))
    for event in batch:
        meant = [
            Shipping(order.fulfilment, order.cut_off_at)
            for number in wanted.get(event.id, ())
            for order in known.get(number, ())
            if order.shop is None or order.shop == event.shop
        ]
        intent = readings.classified[event.id].intent if meant else None
        by = due_by(intent, meant, _warehouse(ctx, event), event.data.accepted_at) if meant else None
        if by is not None:
            readings.due[event.id] = by


def _numbers(event: Inbound) -> list[Named]:
    """The order that a form names, else what looks like an order's number in the subject and the text."""
    message = event.data
    said = [message.order] if message.order else _WORD.findall(f"{message.subject or ''} {message.text[:LOOKED_AT]}")
    found = dict.fromkeys(number for one in said if (number := order_number(one)) is not None)
    return [(event.workspace, number) for number in list(found)[:MOST_NUMBERS]]


def _warehouse(ctx: Context, event: Inbound) -> Warehouse | None:
    shop = ctx.settings.get("shop", event.workspace, event.shop) if event.shop else None
    if not isinstance(shop, settings.Shop) or shop.cut_off is None:
        return None
    hours = opening_hours.named(ctx.settings, event.workspace, shop.calendar)
    return Warehouse(
        ZoneInfo(shop.zone), time.fromisoformat(shop.cut_off), hours.calendar if hours is not None else None
    )


def understood(
    received: Received, event: Inbound, readings: Readings, ctx: Context
) -> tuple[Received, Happening | None]:
    """What the message did, with what it means; and a line that says so where somebody may ask why."""
    found = readings.classified.get(event.id)
    if found is None or not speaks(event.data):
        return received, None
    before = received.ticket if received.did != "reopened" else replace(received.ticket, due_by=None)
    due = readings.due.get(event.id) or before.due_by
    after = with_meaning(before, found, chosen=_chosen(event, ctx)) if asks(received) else before
    after = replace(after, due_by=due)
    told = changed(before, after)
    shown = received.did != "opened" or "priority" in told
    detail = {"changes": told, "reason": "intent", "signals": sorted(found.signals), "by": "classifier"}
    line = Happening(after.workspace, after.id, after.version, "changed", detail, event.data.accepted_at)
    return replace(received, ticket=after), line if told and shown else None


def _chosen(event: Inbound, ctx: Context) -> Mapping[str, Priority]:
    workspace = ctx.settings.get("workspace", event.workspace, event.workspace)
    return workspace.intent_priority if isinstance(workspace, settings.Workspace) else {}
