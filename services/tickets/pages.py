"""Pages of lists: how many items, and the opaque cursors that say where the next one begins."""

import base64
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Query

from shared.errors import Malformed

Limit = Annotated[int, Query(ge=1, le=200, description="Most items of a page")]
Cursor = Annotated[str | None, Query(alias="cursor", max_length=300)]


def cursor(*parts: Any) -> str:
    """An opaque place in a list."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


FIRST = (datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))
"""Before the newest ticket of any list."""
BEGINNING = (datetime(1, 1, 1, tzinfo=UTC), -1, UUID(int=0))
"""Before the first line of any timeline."""
NOBODY = UUID(int=0)
"""Before the first of any list."""
_YEARS = range(1970, 9999)


def ticket_place(text: str | None) -> tuple[datetime, UUID]:
    """The place in a list of tickets that a cursor names; raises Malformed where it is none of ours."""
    if text is None:
        return FIRST
    at, id_ = _read(text)
    try:
        return at, UUID(id_)
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_ours() from error


def line_place(text: str | None) -> tuple[datetime, int, UUID]:
    """The place in a timeline that a cursor names; raises Malformed where it is none of ours."""
    if text is None:
        return BEGINNING
    at, named = _read(text)
    try:
        version, ticket = named
        if type(version) is not int or not 0 <= version < 2**31:
            raise _not_ours()
        return at, version, UUID(ticket)
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_ours() from error


def person_place(text: str | None) -> tuple[datetime, UUID, int]:
    """The place in a person's timeline that a cursor names; raises Malformed where it is none of ours."""
    if text is None:
        return (*FIRST, 2**31 - 1)
    at, named = _read(text)
    try:
        ticket, version = named
        if type(version) is not int or not 0 <= version < 2**31:
            raise _not_ours()
        return at, UUID(ticket), version
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_ours() from error


def name_place(text: str | None) -> tuple[str, UUID]:
    """The place in a list by name that a cursor names; raises Malformed where it is none of ours."""
    if text is None:
        return "", NOBODY
    try:
        name, id_ = _parts(text)
        if not isinstance(name, str) or "\x00" in name:
            raise _not_ours()
        return name, UUID(id_)
    except (ValueError, TypeError, AttributeError) as error:
        raise _not_ours() from error


def _read(text: str) -> tuple[datetime, Any]:
    try:
        at, second = _parts(text)
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError) as error:
        raise _not_ours() from error
    if moment.tzinfo is None or moment.year not in _YEARS:
        raise _not_ours()
    return moment, second


def _parts(text: str) -> tuple[Any, Any]:
    first, second = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return first, second


def _not_ours() -> Malformed:
    return Malformed("the cursor is not one that this list gave")
