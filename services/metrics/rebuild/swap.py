"""The rebuilt tables take the place of those in use."""

import asyncio

import asyncpg

from services.metrics.rebuild.log import Log
from services.metrics.repo import shadow
from shared.errors import StoreUnavailable

TRIES = 20


async def swap(connection: asyncpg.Connection, log: Log) -> dict[str, int]:
    """Read the log to its end, hold the consumers, read what they have done since, change places; rows by table.

    What was read beyond their positions is met by them as facts that are there already.
    """
    await log.read_to(log.ends, connection)
    await log.read_to(await shadow.positions(connection), connection)
    for _ in range(TRIES):
        try:
            async with connection.transaction():
                await shadow.hold(connection)
                await log.read_to(await shadow.positions(connection), connection)
                counts = await shadow.count(connection)
                await shadow.take_over(connection)
                return counts
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(1)
    raise StoreUnavailable("the tables in use stayed locked; nothing changed, try again")
