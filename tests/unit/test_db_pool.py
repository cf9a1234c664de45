"""Which database errors may pass, so that no record is blamed for them, and which stay wrong."""

import asyncpg
import pytest

from shared.db.pool import may_pass
from shared.errors import BusUnavailable, Invalid, StoreUnavailable


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        BusUnavailable("Kafka is away"),
        StoreUnavailable("PostgreSQL is away"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.InterfaceError("cannot call Transaction.__aexit__(): the underlying connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InvalidCachedStatementError("cached statement plan is invalid"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.DiskFullError("No space left on device"),
        asyncpg.QueryCanceledError("canceling statement due to statement timeout"),
    ],
    ids=lambda error: f"{type(error).__name__}: {error}",
)
def test_what_is_away_comes_back(error: Exception) -> None:
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        Invalid("an impossible message"),
        ValueError("no number"),
        asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"),
        asyncpg.DataError("invalid input for query argument $1: 99999999999 (value out of int32 range)"),
        asyncpg.UniqueViolationError("duplicate key value violates unique constraint"),
        asyncpg.CharacterNotInRepertoireError("invalid byte sequence"),
    ],
    ids=lambda error: f"{type(error).__name__}: {error}",
)
def test_what_is_wrong_stays_wrong(error: Exception) -> None:
    assert not may_pass(error)
