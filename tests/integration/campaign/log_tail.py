"""Cuts the last records off a partition's log, as a power cut does to a broker that does not flush each record."""

import struct
from pathlib import Path

_HEAD = struct.Struct(">qi")
_LAST_OFFSET_DELTA_AT = 23


def partitions(data: Path, topic: str) -> list[Path]:
    """The folders of a topic's partitions, by number."""
    found = [folder for folder in data.glob(f"{topic}-*") if folder.name[len(topic) + 1 :].isdigit()]
    return sorted(found, key=lambda folder: int(folder.name.rpartition("-")[2]))


def cut(partition: Path, records: int) -> int:
    """Drop about `records` records, whole batches, from a stopped broker's partition; gives how many went."""
    segment = max(partition.glob("*.log"))
    data = segment.read_bytes()
    batches = _batches(data)
    if not batches:
        return 0
    end = batches[-1][1]
    keep = [at_end for at_end, next_offset in batches if next_offset <= end - records]
    size = keep[-1] if keep else 0
    before = next((next_offset for at_end, next_offset in batches if at_end == size), int(segment.stem))
    with segment.open("r+b") as file:
        file.truncate(size)
    for pattern in ("*.index", "*.timeindex", "*.txnindex", "*.snapshot"):
        for derived in partition.glob(pattern):  # made again from the log
            derived.unlink()
    return end - before


def _batches(data: bytes) -> list[tuple[int, int]]:
    """(end in the file, next offset) of each batch; a preallocated rest of zeros is none."""
    found, at = [], 0
    while at + 61 <= len(data):
        base, length = _HEAD.unpack_from(data, at)
        if length <= 0:
            break
        (delta,) = struct.unpack_from(">i", data, at + _LAST_OFFSET_DELTA_AT)
        at += _HEAD.size + length
        found.append((at, base + delta + 1))
    return found
