"""What logs and dead letters say of an error is enough to mend it and repeats nothing that a customer wrote."""

import asyncpg
import pytest
from pydantic import BaseModel

from shared.bus.blame import describe
from shared.bus.dead_letters import _storable
from shared.errors import Invalid

SECRET = "my card is 4111 1111 1111 1111"


class _Model(BaseModel):
    number: int


@pytest.mark.parametrize(
    "fail",
    [
        lambda: int(SECRET),
        lambda: {}[SECRET],
        lambda: _Model.model_validate({"number": SECRET}),
        lambda: (_ for _ in ()).throw(asyncpg.DataError(f"invalid input for query argument $1: {SECRET!r}")),
        lambda: (_ for _ in ()).throw(asyncpg.InvalidTextRepresentationError(f'invalid input syntax: "{SECRET}"')),
    ],
    ids=["ValueError", "KeyError", "ValidationError", "argument", "syntax"],
)
def test_an_error_that_quotes_a_record_is_told_by_type_and_place(fail: object) -> None:
    with pytest.raises(Exception) as caught:
        fail()  # type: ignore[operator]
    said = describe(caught.value)
    assert "4111" not in said
    assert type(caught.value).__name__ in said and "test_bus_blame.py" in said


def test_our_own_errors_and_the_network_speak_for_themselves() -> None:
    assert describe(Invalid("an impossible message")) == "Invalid: an impossible message"
    assert "Connection refused" in describe(ConnectionRefusedError(111, "Connection refused"))


def test_only_the_first_line_is_told_since_a_detail_quotes_rows() -> None:
    error = asyncpg.UniqueViolationError(f"duplicate key\nDETAIL: Key (text)=({SECRET}) already exists.")
    assert describe(error) == "UniqueViolationError: duplicate key"


def test_any_error_can_be_kept() -> None:
    kept = _storable("a\0b \ud800 c" + "x" * 5000)
    assert "\0" not in kept and len(kept) == 2000
    kept.encode()
