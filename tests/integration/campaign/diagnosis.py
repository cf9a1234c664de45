"""What a desk looks like that does not come to rest: which logs, outboxes and services hold it up."""

import asyncpg

from tests.desk import Desk
from tests.integration.campaign.kafka_state import ends

LINES = 12


async def diagnose(desk: Desk) -> list[str]:
    """Lines for a reader: partitions that are behind, outboxes that are not empty, the last complaints of services."""
    found = []
    for name in sorted(desk.processes):
        schema = name.partition("#")[0]
        try:
            found += [f"{schema}: {line}" for line in await _behind(desk, schema)]
        except (OSError, asyncpg.PostgresError) as error:
            found.append(f"{schema}: cannot be asked: {error}")
        found += [f"{name} said: {line[:400]}" for line in _complaints(desk, name)]
    return found


async def _behind(desk: Desk, schema: str) -> list[str]:
    connection = await desk.connect(schema)
    try:
        waiting = await connection.fetchval("select count(*) from outbox")
        rows = await connection.fetch("select topic, partition, next_offset from consumed")
        letters = await connection.fetch("select topic, state, count(*) as n from dead_letters group by 1, 2")
    finally:
        await connection.close()
    log_ends = await ends(desk, sorted({row["topic"] for row in rows}))
    places = [(row["topic"], row["partition"], row["next_offset"]) for row in rows]
    return [
        *([f"{waiting} rows in the outbox"] if waiting else []),
        *(f"{row['n']} dead letters of {row['topic']} are {row['state']}" for row in letters),
        *(
            f"{topic}/{partition} is handled to {offset} of {log_ends.get((topic, partition))}"
            for topic, partition, offset in places
            if offset != log_ends.get((topic, partition))
        ),
    ]


def _complaints(desk: Desk, name: str) -> list[str]:
    lines = desk.processes[name].log.read_text().splitlines()
    return [line for line in lines if '"level":"info"' not in line][-LINES:]
