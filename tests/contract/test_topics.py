"""What may stand on a topic, and that lists and files say the same."""

import json
import types
import typing
from pathlib import Path

import pytest
from annotated_types import Predicate
from pydantic import BaseModel, StringConstraints

from shared.bus import codec
from shared.contracts import asyncapi
from shared.contracts.envelope import Event, Message
from shared.contracts.registry import MESSAGES
from shared.contracts.topics import TOPICS

ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"
PERMANENT = [model for model in MESSAGES.values() if TOPICS[model.TOPIC].permanent]


def leaves(annotation: object, metadata: tuple[object, ...] = ()) -> typing.Iterator[tuple[object, tuple[object, ...]]]:
    """The scalar types a field may hold, with the constraints that stand on each."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        yield from leaves(inner, (*metadata, *more))
    elif origin in (typing.Union, types.UnionType, tuple, list, set, frozenset, dict):
        for argument in typing.get_args(annotation):
            yield from leaves(argument)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for field in annotation.model_fields.values():
            yield from leaves(field.annotation, tuple(field.metadata))
    else:
        yield annotation, metadata


def has_pattern(metadata: tuple[object, ...]) -> bool:
    """Whether a string is held to a pattern (or a length and a registry) by one of its constraints."""
    return any(
        (isinstance(entry, StringConstraints) and entry.pattern is not None)
        or getattr(entry, "pattern", None) is not None
        or isinstance(entry, Predicate)
        for entry in metadata
    )


@pytest.mark.parametrize("model", PERMANENT, ids=lambda model: model.__name__)
def test_a_permanent_event_has_no_free_string(model: type[Message]) -> None:
    free = [
        name
        for name, field in model.model_fields.items()
        for leaf, metadata in leaves(field.annotation, tuple(field.metadata))
        if leaf in (str, bytes, typing.Any) and not has_pattern(metadata)
    ]
    assert free == []


def test_the_check_for_free_strings_finds_one() -> None:
    class Leaky(Message):
        TYPE = "switchboard.test.leaky.v1"
        note: str | None = None

    assert [leaf for field in Leaky.model_fields.values() for leaf, m in leaves(field.annotation) if leaf is str] == [
        str
    ]


def test_every_message_belongs_to_a_topic_and_every_topic_carries_a_message() -> None:
    assert {model.TOPIC for model in MESSAGES.values()} == set(TOPICS)


def test_every_contract_file_is_named_after_its_topic() -> None:
    files = {path.stem.replace("_", "-") for path in (ROOT / "shared" / "contracts").glob("*.py")}
    assert set(TOPICS) <= files


STRUCTURED = sorted(type_ for type_, model in MESSAGES.items() if model.TOPIC != "raw-inbound")


@pytest.mark.parametrize("type_", STRUCTURED)
def test_every_type_has_a_golden_example_that_reads_back_the_same(type_: str) -> None:
    """An example written by an older release must be read for ever: change is additive."""
    model = MESSAGES[type_]
    record = (GOLDEN / f"{type_}.json").read_bytes()
    event = codec.decode(model.TOPIC, record, [])
    assert isinstance(event, Event) and isinstance(event.data, model)
    assert json.loads(codec.encode(event)) == json.loads(record)


def test_no_golden_example_is_left_without_its_type() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} <= set(MESSAGES)


def test_the_asyncapi_document_is_fresh() -> None:
    committed = json.loads((ROOT / "docs" / "asyncapi.json").read_text())
    assert committed == json.loads(json.dumps(asyncapi.document())), "run script/generate"
