"""Records to events and back; what cannot be read says why."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared.contracts import raw_inbound
from shared.contracts.envelope import MAX_RECORD_BYTES, Event, Message
from shared.contracts.registry import MESSAGES
from shared.errors import Invalid, Malformed, TooLarge
from shared.telemetry import trace

Headers = Sequence[tuple[str, bytes]]
Concerns = Callable[[dict[str, Any]], bool]
"""Whether a record with these CloudEvents attributes concerns who reads it."""

TRACEPARENT = "traceparent"


def encode(event: Event[Any]) -> bytes:
    """The record's value (structured mode); raises TooLarge before anything is committed."""
    value = orjson.dumps(event.attributes(), default=_plain)
    if len(value) > MAX_RECORD_BYTES:
        raise TooLarge(f"{event.type} {event.id} has {len(value)} bytes; a record may have {MAX_RECORD_BYTES}")
    return value


def _plain(value: object) -> str:
    """PostgreSQL's driver gives ids of a subclass of UUID, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a record cannot carry a {type(value).__name__}")


def trace_header(traceparent: str | None) -> list[tuple[str, bytes]]:
    """The record's headers."""
    return [(TRACEPARENT, traceparent.encode())] if traceparent else []


def trace_of(headers: Headers) -> str | None:
    """The record's traceparent; a broken one is ignored, as W3C Trace Context asks."""
    for name, value in headers:
        if name == TRACEPARENT and value:
            return trace.valid(value.decode("ascii", "replace"))
    return None


def decode(
    topic: str, value: bytes | None, headers: Headers, concerns: Concerns | None = None
) -> Event[Message] | None:
    """The record as an event; None where it concerns no consumer: a type that this release does not know (a tolerant
    reader), one that `concerns` passes over, or a raw record whose messages stand on inbound-messages.

    Raises TooLarge, Malformed (not JSON, not an envelope) or Invalid (the content breaks the contract).
    """
    if value is None:
        raise Malformed("the record has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise TooLarge(f"the record has {len(value)} bytes; a record may have {MAX_RECORD_BYTES}")
    try:
        if topic == raw_inbound.RawReceived.TOPIC:
            return None if raw_inbound.was_read(headers) else raw_inbound.decode(value, headers)
        attributes = orjson.loads(value)
        return _structured(topic, attributes, headers) if concerns is None or concerns(attributes) else None
    except orjson.JSONDecodeError as error:
        raise Malformed(f"the record is not JSON: {error}") from error
    except ValidationError as error:
        raise Invalid(f"the content breaks the contract: {_first(error)}") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Malformed(f"the record is no CloudEvents envelope of ours: {type(error).__name__}: {error}") from error


def _structured(topic: str, attributes: Any, headers: Headers) -> Event[Message] | None:
    model = MESSAGES.get(attributes["type"])
    if model is None:
        return None
    if topic != model.TOPIC:
        raise Malformed(f"{model.TYPE} does not belong on {topic}")
    return Event.from_attributes(attributes, model.model_validate(attributes["data"]), trace_of(headers))


def _first(error: ValidationError) -> str:
    """Where and why, without the value: it may be personal."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])
