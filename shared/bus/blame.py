"""What may be said of an error in a log or a dead letter: enough to mend it, nothing a customer wrote."""

import traceback
from pathlib import Path

import asyncpg
from aiokafka.errors import KafkaError

from shared.errors import SwitchboardError

_ROOT = Path(__file__).parents[2]
_SPEAKS_OF_ITSELF = (SwitchboardError, OSError, KafkaError, asyncpg.PostgresError)


def describe(error: BaseException) -> str:
    """Type, place in our code, and the message where it cannot quote a record.

    Messages of other exceptions and of PostgreSQL's data exceptions (class 22) repeat the value they stumbled over;
    so does a database's DETAIL, which is never said.
    """
    what = type(error).__name__
    if isinstance(error, _SPEAKS_OF_ITSELF) and not isinstance(error, asyncpg.DataError):
        lines = str(error).splitlines()
        what = f"{what}: {lines[0]}" if lines else what
    where = _where(error)
    return f"{what} ({where})" if where and not isinstance(error, SwitchboardError) else what


def _where(error: BaseException) -> str | None:
    """The innermost line of ours that the error went through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
            return f"{path.relative_to(_ROOT)}:{frame.lineno} in {frame.name}"
    return None
