"""Whether the facts in use are those the log gives."""

import asyncpg

from services.metrics.rebuild.log import Log
from services.metrics.repo import shadow


async def compare(connection: asyncpg.Connection, log: Log) -> list[dict[str, object]]:
    """Differences by table; both sides at the positions that the consumers have reached in one snapshot."""
    await log.read_to(await shadow.positions(connection), connection)
    async with connection.transaction(isolation="repeatable_read"):
        await log.read_to(await shadow.positions(connection), connection)
        return await shadow.differences(connection)
