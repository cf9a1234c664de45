"""The terminal desk: keys become lines, offers keep their numbers, the stream is read as browsers read it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import NotFound
from switchboard.agent.commands import COMMANDS, HELP
from switchboard.agent.hands import Hands
from switchboard.agent.keyboard import Typing
from switchboard.agent.show import entry_line, escape, ticket_line
from switchboard.agent.signing_in import sign_in
from switchboard.agent.stream import events

NOW = datetime.now(UTC)


async def typed(*pieces: bytes) -> list[str]:
    typing = Typing()
    for piece in (*pieces, b""):
        typing.feed(piece)
    return [line async for line in typing.lines()]


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"a\n"], ["a"]),
        ([b"w Gr\xc3", b"\xbc\xc3\x9fe\n"], ["w Grüße"]),
        ([b"w helo\x7flo\r"], ["w hello"]),
        ([b"d busy\x15a\n"], ["a"]),
        ([b"l\x1b[A\x1b[3~\n"], ["l"]),
        ([b"a\nl\nhalf"], ["a", "l"]),
        ([b"\x04never\n"], []),
    ],
)
async def test_keys_become_lines(pieces: list[bytes], lines: list[str]) -> None:
    assert await typed(*pieces) == lines


def test_an_offer_keeps_its_number_and_goes_with_its_lease() -> None:
    hands = Hands("ada")
    first = hands.offer("o1", "t1", (NOW + timedelta(seconds=30)).isoformat())
    second = hands.offer("o2", "t2", (NOW + timedelta(seconds=10)).isoformat())
    assert first is not None
    assert second is not None
    assert hands.offer("o1", "t1", NOW.isoformat()) is None
    assert [offer.number for offer in hands.offers(NOW)] == [2, 1]
    assert [offer.number for offer in hands.offers(NOW + timedelta(seconds=11))] == [1]
    assert hands.offer_ended("t1") == first
    assert hands.offer_ended("t1") is None


def test_a_resync_leaves_only_the_offers_there_are() -> None:
    hands = Hands("ada")
    hands.offer("gone", "t1", (NOW + timedelta(seconds=30)).isoformat())
    lease = (NOW + timedelta(seconds=30)).isoformat()
    new = hands.only_offers([{"id": "new", "ticket": "t2", "lease_until": lease}])
    assert [offer.id for offer in new] == ["new"]
    assert [offer.id for offer in hands.offers(NOW)] == ["new"]


def test_a_ticket_is_called_the_same_as_long_as_one_works() -> None:
    hands = Hands("ada")
    assert (hands.number("t1"), hands.number("t2"), hands.number("t1")) == (1, 2, 1)
    assert hands.ticket(2) == "t2"
    assert hands.ticket(3) is None


async def test_the_stream_is_read_event_by_event() -> None:
    async def lines() -> AsyncIterator[str]:
        for line in (
            "retry: 900",
            "id: 7",
            "event: routing.offered",
            'data: {"offer":"o1"}',
            "",
            ": beat",
            "",
            "data: {}",
            "",
        ):
            yield line

    found = [(id_, told.name, told.body) async for id_, told in events(lines())]
    assert found == [("7", "routing.offered", {"offer": "o1"}), (None, "message", {})]


def test_what_a_customer_writes_cannot_colour_or_steer_the_terminal() -> None:
    said = {"at": "2026-01-02T03:04:05Z", "what": "message", "author": "customer", "text": "[red]boo", "detail": {}}
    assert "\\[red]boo" in entry_line(said)
    ticket = {"id": "t", "state": "new", "channel": "http", "subject": "[/]"}
    assert "\\[/]" in ticket_line(1, ticket)
    assert escape("\x1b]0;owned\x07 \u202e") == "\ufffd]0;owned\ufffd \ufffd"
    assert escape("می\u200cخواهم 👩\u200d🔧\nسلام") == "می\u200cخواهم 👩\u200d🔧\nسلام"


def test_what_was_done_to_a_message_stands_beside_it() -> None:
    said = {"at": "2026-01-02T03:04:05Z", "what": "message", "author": "customer", "text": "the", "detail": {}}
    liked = {"edited_at": "2026-01-02T03:05:05Z", "reactions": [{"emoji": "👍", "author": "agent"}]}
    assert "the [dim]edited 👍 agent" in entry_line(said | liked)
    assert "withdrawn" in entry_line(said | {"text": None, "withdrawn_at": "2026-01-02T03:05:05Z"})


def test_every_command_is_in_the_help_and_has_a_letter_of_its_own() -> None:
    assert len({one.letter for one in COMMANDS}) == len(COMMANDS)
    assert all(one.what in HELP for one in COMMANDS)


def test_without_a_desk_one_is_told_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWITCHBOARD_URLS", raising=False)
    with pytest.raises(NotFound, match="switchboard up"), sign_in(None, None, "ada"):
        pass
