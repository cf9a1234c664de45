"""JSON from outside: what is made to be large once it is read is refused before that."""

import json
import tracemalloc

import pytest
from pydantic import BaseModel, ConfigDict

from shared.channels.formats.json_body import load, validated
from shared.errors import Invalid, Malformed

MIB = 1024 * 1024


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"a":{}},', b"1,"])
def test_json_of_tiny_parts_without_end_is_refused_unread(part: bytes) -> None:
    body = b"[" + part * (2_000_000 // len(part)) + b"0]"
    tracemalloc.start()
    with pytest.raises(Malformed) as refused:
        load(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused.value.reason == "too_many_parts"
    assert peak < 20 * len(body)


def test_marks_within_a_text_are_no_parts() -> None:
    text = '{"a",}[\\' * 200_000
    assert load(json.dumps({"text": text}).encode()) == {"text": text}


def test_a_small_body_may_be_made_of_anything() -> None:
    assert len(load(b"[" + b"{}," * 20_000 + b"{}]")) == 20_001


def test_wrong_fields_are_named_or_where_they_have_no_end_counted() -> None:
    with pytest.raises(Invalid) as few:
        validated(Strict, {"a": 1})
    assert few.value.fields == [{"pointer": "/a", "detail": "Extra inputs are not permitted"}]
    with pytest.raises(Invalid) as many:
        validated(Strict, {f"n{number}": 1 for number in range(60_000)})
    assert "60000 places" in str(many.value)
