"""Reads what the Kafka client cannot take apart: one bad header must neither stop a partition nor blame its neighbours.

The client gives nothing of a batch in which one header's name is not UTF-8. Here the broker's bytes are read once more
by the record format itself (Kafka documentation, "Record Batch" and "Record"), leniently, and each record says what is
wrong with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import LeaderNotAvailableError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.default_records import _DefaultRecordBatchPy as Batch

_OVERHEAD = 12
"""Base offset and length of a batch; the length counts what follows."""
_MAGIC_AT = 16


@dataclass(frozen=True, slots=True)
class Rescued:
    """A record by the names the client uses; `fault` says what is wrong with it, None where all is well."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    fault: str | None


async def fetch(kafka: AIOKafkaConsumer, partition: TopicPartition, offset: int, most: int) -> list[Rescued]:
    """The partition's records from `offset` on, at most `most`, as the broker has them now."""
    client = kafka._client
    node = client.cluster.leader_for_partition(partition)
    if node is None or node < 0:
        raise LeaderNotAvailableError(partition)
    size = 4 * 1024 * 1024
    wanted = [(partition.topic, [(partition.partition, offset, size)])]
    response = await client.send(node, FetchRequest(100, 1, size, 0, wanted))
    [(_, [(_, code, *_, records)])] = response.topics
    if code:
        raise for_code(code)(partition)
    found = (record for record in parse(partition.partition, bytes(records)) if record.offset >= offset)
    return [record for _, record in zip(range(most), found, strict=False)]


def parse(partition: int, data: bytes) -> Iterator[Rescued]:
    """The records of a partition's whole batches; a batch cut off at the end is left for the next fetch."""
    at = 0
    while at + _OVERHEAD <= len(data):
        end = at + _OVERHEAD + int.from_bytes(data[at + 8 : at + 12], "big")
        if end > len(data):
            return
        yield from _batch(partition, data[at:end])
        at = end


def _batch(partition: int, data: bytes) -> Iterator[Rescued]:
    try:
        batch = Batch(data)
        if data[_MAGIC_AT] != 2 or not batch.validate_crc():
            raise ValueError("its format or checksum is wrong")
        if batch.is_control_batch:
            return
        iter(batch)  # decompresses
        body = _Cursor(bytes(batch._buffer[batch._pos :]))
        records = [_record(partition, batch, body.take(body.varint())) for _ in range(batch._num_records)]
    except Exception as error:  # noqa: BLE001 - whatever is wrong with these bytes, it ends here
        yield _whole(partition, data, error)
        return
    yield from records


def _whole(partition: int, data: bytes, error: Exception) -> Rescued:
    """A batch nobody can read stands as one record, at its last offset, with all its bytes."""
    last = int.from_bytes(data[:8], "big") + int.from_bytes(data[23:27], "big")
    fault = f"bad batch, offsets {int.from_bytes(data[:8], 'big')} to {last}: {type(error).__name__}"
    return Rescued(partition, last, int.from_bytes(data[35:43], "big", signed=True), None, data, (), fault)


def _record(partition: int, batch: Any, data: bytes) -> Rescued:
    body = _Cursor(data)
    body.take(1)  # attributes: none are defined
    delta = body.varint()
    timestamp = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp + delta
    offset = batch.base_offset + body.varint()
    try:
        key, value = body.sized(), body.sized()
        names = [(body.sized() or b"", body.sized() or b"") for _ in range(body.varint())]
    except IndexError:
        return Rescued(partition, offset, timestamp, None, data, (), "bad record: its lengths are wrong")
    bad = next((name for name, _ in names if not _is_text(name)), None)
    fault = None if bad is None else "bad header: a name is not UTF-8"
    headers = tuple((name.decode("utf-8", "backslashreplace"), content) for name, content in names)
    return Rescued(partition, offset, timestamp, key, value, headers, fault)


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Cursor:
    """Reads on in bytes; raises IndexError behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if not 0 <= count <= len(self._data) - self._at:
            raise IndexError(count)
        self._at += count
        return self._data[self._at - count : self._at]

    def varint(self) -> int:
        """A zigzag-encoded integer of variable length, as Protocol Buffers have it."""
        raw = place = 0
        while place < 70:
            [byte] = self.take(1)
            raw |= (byte & 0x7F) << place
            place += 7
            if byte < 0x80:
                return (raw >> 1) ^ -(raw & 1)
        raise IndexError("a number without end")

    def sized(self) -> bytes | None:
        """Bytes behind their length; a length below zero stands for none."""
        count = self.varint()
        return None if count < 0 else self.take(count)
