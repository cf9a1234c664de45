"""Where a consumer begins: offsets live in PostgreSQL beside the effects, so a restored database rewinds the consumer.

Every assignment starts one record before `consumed`, whose fingerprint tells whether the log is still the one that
was consumed: a log that lost its tail and grew again has another record there.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import orjson
from aiokafka import TopicPartition

from shared.bus import dead_letters
from shared.bus.context import OutboxRows
from shared.db.pool import transaction
from shared.telemetry import metrics

log = logging.getLogger(__name__)

# What the batch says enters the outbox with it: a statement less for every batch.
_ADVANCE = """
    with told as (
        insert into outbox(topic, key, value, trace)
        select * from unnest($7::text[], $8::bytea[], $9::bytea[], $10::text[])
    )
    update consumed set next_offset = u.next_offset, fingerprint = u.fingerprint
    from unnest($3::int[], $4::bigint[], $5::bigint[], $6::bigint[]) as u(partition, expected, next_offset, fingerprint)
    where consumed.grp = $1 and consumed.topic = $2 and consumed.partition = u.partition
        and consumed.next_offset = u.expected
    returning consumed.partition
"""


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition begins: `next_offset` is the first to handle; one before it is read to compare."""

    next_offset: int
    seek: int
    fingerprint: int | None = None


async def read(connection: asyncpg.Connection, grp: str, topic: str) -> dict[int, int]:
    """All partitions' next offsets, without a lock."""
    rows = await connection.fetch(
        "select partition, next_offset from consumed where grp = $1 and topic = $2", grp, topic
    )
    return {row["partition"]: row["next_offset"] for row in rows}


async def advance(
    tx: asyncpg.Connection,
    grp: str,
    topic: str,
    ends: Mapping[int, tuple[int, int]],
    expected: Mapping[int, int],
    told: OutboxRows,
) -> bool:
    """Move partitions to (next offset, fingerprint of the record before it), and put events into the outbox.

    False where a partition is not at its expected offset any more: somebody else moved it, or the database was
    restored; whatever the transaction did must then be rolled back.
    """
    partitions = sorted(ends)
    rows = await tx.fetch(
        _ADVANCE,
        grp,
        topic,
        partitions,
        [expected.get(p, -1) for p in partitions],
        [ends[p][0] for p in partitions],
        [ends[p][1] for p in partitions],
        *told,
    )
    return len(rows) == len(partitions)


async def find(
    pool: asyncpg.Pool,
    grp: str,
    topic: str,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    known: Mapping[int, int],
) -> dict[TopicPartition, Start]:
    """Where each partition begins, given where its log begins and ends and what the database says was handled.

    `known` are next offsets that this process has seen committed: less than them is told as a restored database.
    """
    starts = {}
    async with transaction(pool) as connection:
        for partition in sorted(begins):
            begin, end = begins[partition], ends[partition]
            row = await _row(connection, grp, topic, partition.partition, begin)
            if row["next_offset"] < known.get(partition.partition, 0):
                restored(topic, partition.partition)
            starts[partition] = await _start(connection, grp, topic, partition.partition, row, begin, end)
    return starts


async def _row(tx: asyncpg.Connection, grp: str, topic: str, partition: int, begin: int) -> asyncpg.Record:
    await tx.execute(
        "insert into consumed(grp, topic, partition, next_offset) values ($1, $2, $3, $4) on conflict do nothing",
        grp,
        topic,
        partition,
        begin,
    )
    row = await tx.fetchrow(
        "select next_offset, fingerprint from consumed where grp = $1 and topic = $2 and partition = $3 for update",
        grp,
        topic,
        partition,
    )
    assert row is not None
    return row


async def _start(
    tx: asyncpg.Connection, grp: str, topic: str, partition: int, row: asyncpg.Record, begin: int, end: int
) -> Start:
    next_offset = row["next_offset"]
    if next_offset > end:
        return await rewind(tx, grp, topic, partition, begin, cause="log-truncated")
    if next_offset < begin:
        return await _over_gap(tx, grp, topic, partition, next_offset, begin)
    if next_offset > begin and row["fingerprint"] is not None:
        return Start(next_offset, next_offset - 1, row["fingerprint"])
    return Start(next_offset, next_offset)


async def rewind(tx: asyncpg.Connection, grp: str, topic: str, partition: int, begin: int, *, cause: str) -> Start:
    """The log is not the one that was consumed: read it again from its start; the inbox drops the doubles."""
    metrics.REWINDS.labels(topic, cause).inc()
    log.error(
        "the log was replaced; reading it again from its start",
        extra={"topic": topic, "partition": partition, "cause": cause},
    )
    await tx.execute(
        "update consumed set next_offset = $4, fingerprint = null where grp = $1 and topic = $2 and partition = $3",
        grp,
        topic,
        partition,
        begin,
    )
    return Start(begin, begin)


def restored(topic: str, partition: int | None = None) -> None:
    """The database has less than was committed to it: it went back in time, and the consumer goes with it."""
    metrics.REWINDS.labels(topic, "database-restored").inc()
    log.error("the database was restored to an earlier state", extra={"topic": topic, "partition": partition})


async def _over_gap(tx: asyncpg.Connection, grp: str, topic: str, partition: int, lost_from: int, begin: int) -> Start:
    """Records left the log before they were handled: say which, and go on with what there is."""
    metrics.REWINDS.labels(topic, "gap").inc()
    log.error("records expired", extra={"topic": topic, "partition": partition, "from": lost_from, "to": begin})
    gap = dead_letters.DeadLetter(
        partition=partition,
        offset=lost_from,
        key=b"",
        record=orjson.dumps({"from": lost_from, "to": begin}),
        headers=(),
        error=f"gap: offsets {lost_from} to {begin - 1} left the log before they were handled",
        state="gap",
    )
    await dead_letters.insert(tx, grp, topic, [gap])
    await tx.execute(
        "update consumed set next_offset = $4, fingerprint = null where grp = $1 and topic = $2 and partition = $3",
        grp,
        topic,
        partition,
        begin,
    )
    return Start(begin, begin)
