"""One record as the consumer runtime works with it: where it stands, and the event in it or why there is none."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.bus import codec
from shared.bus.dead_letters import DeadLetter
from shared.contracts.envelope import Event
from shared.errors import Refused


@dataclass(frozen=True, slots=True)
class Inbound:
    """A record and what reading it gave; `event` and `refusal` are both None for a type we do not know."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    fingerprint: int
    timestamp_ms: int
    event: Event[Any] | None = None
    refusal: str | None = None

    @property
    def passes(self) -> bool:
        """Nobody here has anything to do with it."""
        return self.event is None and self.refusal is None


def read(topic: str, record: Any, concerns: codec.Concerns | None = None) -> Inbound:
    """Decode one of aiokafka's records, or one that was rescued; never raises."""
    fault = getattr(record, "fault", None)
    event, refusal = (None, fault) if fault else _decode(topic, record.value, record.headers, concerns)
    return Inbound(
        partition=record.partition,
        offset=record.offset,
        key=record.key or b"",
        value=record.value or b"",
        headers=record.headers,
        fingerprint=fingerprint(record),
        timestamp_ms=record.timestamp,
        event=event,
        refusal=refusal,
    )


def fingerprint(record: Any) -> int:
    """Tells whether the record at an offset is still the one that was there: CRC-32 of time, key and value."""
    crc = zlib.crc32(record.timestamp.to_bytes(8, "big", signed=True))
    crc = zlib.crc32(record.key or b"", crc)
    return zlib.crc32(record.value or b"", crc)


def again(topic: str, letter: DeadLetter) -> Inbound:
    """A dead letter's record, read once more: a new release may understand it."""
    event, refusal = _decode(topic, letter.record, letter.headers)
    return Inbound(
        partition=letter.partition,
        offset=letter.offset,
        key=letter.key,
        value=letter.record,
        headers=letter.headers,
        fingerprint=0,
        timestamp_ms=0,
        event=event,
        refusal=refusal,
    )


def _decode(
    topic: str, value: bytes | None, headers: Sequence[tuple[str, bytes]], concerns: codec.Concerns | None = None
) -> tuple[Event[Any] | None, str | None]:
    try:
        return codec.decode(topic, value, headers, concerns), None
    except Refused as error:
        return None, f"{error.reason}: {error}"
    except Exception as error:  # noqa: BLE001 - whatever a record provokes, it is the record's fault here
        return None, f"unreadable: {type(error).__name__}: {error}"
