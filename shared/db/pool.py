"""Connections to a service's own schema, with the timeouts that keep one frozen process from holding the others."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import asyncpg

from shared.errors import Invalid, MayPass, StoreUnavailable
from shared.tls import require_readable

log = logging.getLogger(__name__)

POOL_SIZE = 4
IDLE_IN_TRANSACTION_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000

_PASSING: tuple[type[BaseException], ...] = (
    MayPass,
    OSError,
    TimeoutError,
    asyncio.TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,  # serialisation, deadlock
    asyncpg.OperatorInterventionError,  # shut down, crash, cancelled
    asyncpg.InsufficientResourcesError,  # disk full, out of memory, too many connections
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby answers during a failover
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # the schema is not migrated yet, or was restored: no record is to blame
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCachedStatementError,  # a migration changed a table under a prepared statement
    asyncpg.InternalClientError,  # the driver's state of a connection that broke at the wrong moment
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
)


_CONNECTION_GONE = ("closed", "closing", "released back", "cancelling")


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed later, so that no record is to blame for the error."""
    if isinstance(error, asyncpg.InterfaceError):  # also raised for wrong use: that is a bug and stays one
        return any(word in str(error) for word in _CONNECTION_GONE)
    return isinstance(error, _PASSING)


def server_settings(schema: str, *, idle_in_transaction_ms: int = IDLE_IN_TRANSACTION_MS) -> dict[str, str]:
    """The session's settings: the service's schema first, and no wait without end."""
    return {
        "application_name": f"switchboard-{schema}",
        "search_path": schema,
        "idle_in_transaction_session_timeout": str(idle_in_transaction_ms),
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "jit": "off",
    }


_TLS_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def check_dsn(dsn: str) -> None:
    """Raise Invalid where the DSN's TLS would be refused by the driver at each connection, or silently be none.

    The driver reads sslmode and the files as libpq does; it looks at the files only from sslmode=require on.
    """
    said = dict(parse_qsl(urlsplit(dsn).query))
    mode = said.get("sslmode") or os.environ.get("PGSSLMODE") or "prefer"
    files = {name: said[name] for name in _TLS_FILES if name in said}
    if mode not in _MODES:
        raise Invalid(f"SWITCHBOARD_POSTGRES: sslmode={mode} is not known; it is one of {', '.join(_MODES)}")
    if files and mode in {"disable", "allow", "prefer"}:
        raise Invalid(
            f"SWITCHBOARD_POSTGRES: {', '.join(files)} would not be used with sslmode={mode}; set sslmode=verify-full"
        )
    if ("sslcert" in files) != ("sslkey" in files):
        raise Invalid("SWITCHBOARD_POSTGRES: sslcert and sslkey belong together; name both or neither")
    if mode.startswith("verify-") and "sslrootcert" not in files and not os.environ.get("PGSSLROOTCERT"):
        raise Invalid(f"SWITCHBOARD_POSTGRES: sslmode={mode} needs sslrootcert, the file of the authority to trust")
    for name, path in files.items():
        try:
            require_readable(Path(path), f"SWITCHBOARD_POSTGRES: {name}")
        except ValueError as error:
            raise Invalid(str(error)) from None


async def create_pool(dsn: str, schema: str, **more: Any) -> asyncpg.Pool:
    """A pool that opens its connections when they are needed: a service starts without its database too."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=POOL_SIZE,
        max_inactive_connection_lifetime=300,
        command_timeout=STATEMENT_TIMEOUT_MS / 1000 + 5,
        timeout=5,
        server_settings=server_settings(schema),
        reset=_nothing_to_reset,
        **more,
    )


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """Nothing here outlives its transaction, so a connection that comes back needs no statement to clean it."""


@asynccontextmanager
async def connection(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """One of the pool's connections; whatever keeps us out may pass, and no record is to blame for it."""
    try:
        one = await pool.acquire()
    except asyncpg.PostgresError as error:
        raise StoreUnavailable(f"PostgreSQL lets nobody in: {error}") from error
    try:
        yield cast("asyncpg.Connection", one)
    finally:
        await pool.release(one)


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    """One transaction (READ COMMITTED): committed at the end, rolled back where anything is raised."""
    async with connection(pool) as one, one.transaction():
        yield one
