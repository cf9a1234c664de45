"""Cursors of tickets' lists: what we gave comes back as it was, anything else is refused."""

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.tickets.pages import cursor, line_place, ticket_place
from shared.errors import Malformed

NEW = UUID(int=99)
MOMENTS = st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(9998, 1, 1))


@given(MOMENTS, st.uuids())
def test_a_cursor_names_the_place_it_was_made_of(at: datetime, id_: UUID) -> None:
    assert ticket_place(cursor(at, str(id_))) == (at, id_)


@given(MOMENTS, st.uuids())
def test_a_timelines_cursor_names_the_line_it_was_made_of(at: datetime, ticket: UUID) -> None:
    assert line_place(cursor(at, (7, str(ticket)))) == (at, 7, ticket)


@given(st.one_of(st.text(max_size=80), st.binary(max_size=60).map(lambda raw: urlsafe_b64encode(raw).decode())))
@example(cursor("2026-01-01T00:00:00", "x"))
@example(cursor("0001-01-01T00:00:00+14:00", str(NEW)))
@example(cursor("2026-01-01T00:00:00+00:00", True))
@example(cursor("2026-01-01T00:00:00+00:00", 2**40))
@example(cursor("2026-01-01T00:00:00+00:00", [2**40, str(NEW)]))
@pytest.mark.parametrize("read", [ticket_place, line_place])
def test_a_cursor_that_is_none_of_ours_is_refused(read: Any, text: str) -> None:
    with pytest.raises(Malformed):
        read(text)
