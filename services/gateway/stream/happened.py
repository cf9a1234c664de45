"""A record of the log as the stream tells it: ids, versions and registry words; the client fetches what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from shared.contracts.topics import AGENT_EVENTS, DELIVERY_EVENTS, ROUTING_EVENTS, SIGNALS, TICKET_EVENTS
from shared.identity import Identity

TOPICS = (TICKET_EVENTS.name, ROUTING_EVENTS.name, AGENT_EVENTS.name, DELIVERY_EVENTS.name, SIGNALS.name)

TOLD = frozenset(
    {
        "ticket", "message", "author", "offer", "agent", "asked", "by", "lease_until", "until",
        "mentions", "state", "place", "outcome", "presence", "reason", "priority", "channel",
    }
)  # fmt: skip
"""Fields of an event's data that are told; a field that is made later is not until it stands here."""

_ASKED = {"switchboard.routing.offered.v1": "agent", "switchboard.routing.offer-ended.v1": "asked"}
"""Events about one agent's offer, and the field that names him."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event, encoded once for all who hear of it."""

    mark: int
    """Its SSE id: the newest broker timestamp (ms) that this replica had read when it came."""
    workspace: str
    shop: str | None
    agent: str | None
    """Whose presence it is about."""
    asked: str | None
    """Whose offer it is about: other agents are not told."""
    chunk: bytes
    passing: bool = False
    """It is true for seconds: who was not there has missed nothing, so it is not kept."""


def read(topic: str, value: bytes | None, mark: int) -> Happened | None:
    """The event in a record; None where it is none of ours: its owner's consumers say so, not the stream."""
    try:
        record = orjson.loads(value or b"")
        data = record["data"]
        type_ = str(record["type"])
        asked = _ASKED.get(type_)
        return Happened(
            mark=mark,
            workspace=str(record["workspace"]),
            shop=record.get("shop"),
            agent=data.get("agent") if topic == AGENT_EVENTS.name else None,
            asked=str(data[asked]) if asked else None,
            chunk=encoded(mark, _short(type_), _body(record, data)),
            passing=topic == SIGNALS.name,
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def encoded(mark: int | None, event: str, body: Mapping[str, Any]) -> bytes:
    """One event of the stream (WHATWG HTML, "Server-sent events")."""
    id_ = b"" if mark is None else b"id: %d\n" % mark
    return id_ + b"event: " + event.encode() + b"\ndata: " + orjson.dumps(body) + b"\n\n"


def may_hear(who: Identity, happened: Happened) -> bool:
    """Whether a caller of the same workspace is told: by shop as owners filter, and an agent of his own offers only.

    Presence belongs to no shop, so who is limited to shops hears of his own alone.
    """
    if who.shops and happened.shop not in who.shops and (happened.agent is None or happened.agent != who.agent):
        return False
    return who.role != "agent" or happened.asked is None or happened.asked == who.agent


def _short(type_: str) -> str:
    """`switchboard.routing.offered.v1` as `routing.offered`; raises TypeError for what is no type of ours."""
    parts = type_.split(".")
    if len(parts) != 4 or not type_.isascii() or not type_.isprintable():
        raise TypeError(type_)
    return f"{parts[1]}.{parts[2]}"


def _body(record: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    about = {name: record.get(name) for name in ("id", "type", "subject", "version", "time", "shop")}
    told = about | {name: data[name] for name in TOLD & data.keys()}
    return {name: value for name, value in told.items() if value is not None}
