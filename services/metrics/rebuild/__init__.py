"""`switchboard metrics rebuild`: all facts anew from the log, beside the ones in use, which then give way in a moment.

The log is read into a schema of its own by the same code that keeps facts live. The last records are read while the
consumers are held, so nothing is missing when the tables change places. With --verify nothing changes: the facts in
use are compared with those the log gives, at exactly the same positions of the log.
"""

import argparse
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from services.metrics.rebuild.compare import compare
from services.metrics.rebuild.log import Log, opened
from services.metrics.rebuild.swap import swap
from services.metrics.repo import shadow
from shared.db.migrations import migrate
from shared.db.pool import server_settings
from shared.errors import Conflict
from shared.service import Runtime


async def rebuild(runtime: Runtime, argv: list[str]) -> int:
    """Make all facts anew from the log, while the service runs or not; with --verify 1 where something differs."""
    parser = argparse.ArgumentParser(prog="switchboard metrics rebuild", description=rebuild.__doc__)
    parser.add_argument("--verify", action="store_true", help="change nothing; say where the facts differ from the log")
    given = parser.parse_args(argv)
    # Both schemas have to be of this release, or tables of another shape would change places.
    await migrate(runtime.service.dsn(runtime.config), runtime.service.name, runtime.service.migrations)
    async with _beside(runtime) as connection, opened(runtime.config, _tell) as log:
        if given.verify:
            found = await compare(connection, log)
            print(json.dumps({"records": log.read, "same": not found, "differences": found}))
            return 1 if found else 0
        counts = await swap(connection, log)
        print(json.dumps({"records": log.read, "facts": counts}))
        return 0


@asynccontextmanager
async def _beside(runtime: Runtime) -> AsyncIterator[asyncpg.Connection]:
    """A connection to an empty schema beside the one in use; the schema is gone at the end."""
    dsn = runtime.service.dsn(runtime.config)
    settings = server_settings(shadow.SCHEMA, idle_in_transaction_ms=0) | {"statement_timeout": "0"}
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=settings)
    try:
        if not await shadow.claim(connection):
            raise Conflict("another rebuild is under way; wait for it, or stop it")
        await shadow.drop(connection)
        await migrate(dsn, shadow.SCHEMA, runtime.service.migrations)
        try:
            yield connection
        finally:
            if not connection.is_closed():
                await shadow.drop(connection)
    finally:
        await connection.close()


def _tell(log: Log) -> None:
    print(f"{log.read} of about {log.total} records read", file=sys.stderr, flush=True)


__all__ = ["rebuild"]
