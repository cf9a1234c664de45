"""What events of merged and split tickets, and of messages that count after all, say about clocks."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.tickets.domain.witness import witness
from shared.bus import codec
from shared.contracts.envelope import Event
from tests.factories import START

GOLDEN = Path(__file__).parents[1] / "contract" / "golden"
OTHER, FIRST, SECOND = UUID(int=5), UUID(int=6), UUID(int=7)
NOBODY: dict[str, Any] = {"into": None, "took_in": None, "undone": None, "waits_since": None, "voids": None}


def told(type_: str, **more: Any) -> Event[Any]:
    """The golden example of an event, with other facts."""
    event = codec.decode("ticket-events", (GOLDEN / f"switchboard.ticket.{type_}.v1.json").read_bytes(), [])
    assert event is not None
    return Event(event.id, event.source, event.time, event.workspace, event.data.model_copy(update=more), version=4)


def said(event: Event[Any]) -> list[tuple[str, str, UUID | None]]:
    """What, in which word, about what."""
    return [(one.what, one.word, one.subject) for one in witness(event)]


def test_who_is_merged_away_is_void_until_it_is_undone() -> None:
    assert said(told("merged", **NOBODY | {"into": OTHER, "voids": True})) == [("void", "merged", None)]
    assert said(told("merged", **NOBODY | {"into": OTHER, "undone": True, "voids": False})) == [("counts", "", None)]


def test_the_survivor_waits_since_the_oldest_message_that_came_and_no_more_once_it_went() -> None:
    since = START - timedelta(hours=3)
    event = told("merged", **NOBODY | {"took_in": OTHER, "waits_since": since})
    assert said(event) == [("heard", "", OTHER)]
    assert [one.at for one in witness(event)] == [since]
    assert said(told("merged", **NOBODY | {"took_in": OTHER})) == []
    assert said(told("merged", **NOBODY | {"took_in": OTHER, "undone": True})) == [("unheard", "", OTHER)]


def test_messages_that_were_split_off_wait_here_no_more() -> None:
    event = told("split", into=OTHER, split_from=None, messages=(FIRST, SECOND), voids=None, fields=())
    assert said(event) == [("unheard", "", FIRST), ("unheard", "", SECOND)]
    assert len({one.id for one in witness(event)}) == 2
    assert said(told("split", into=None, split_from=OTHER, messages=(FIRST,), voids=None, fields=())) == []


def test_a_message_that_counts_after_all_waits_since_it_was_accepted() -> None:
    event = told("message-counted", message=FIRST, accepted_at=START)
    assert said(event) == [("heard", "", FIRST)]
    assert [one.at for one in witness(event)] == [START]
