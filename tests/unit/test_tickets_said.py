"""Who is named in a note, who is copied in, and what a transcript says: pure rules."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.transcript import FSI, PDI, WORDS, Line, Setting, written
from services.tickets.mentions import MOST, mentioned, readers
from services.tickets.pages import cursor, person_place
from shared.bus import SettingsReader
from shared.channels.formats.mail import Mail
from shared.channels.formats.mail_copies import copied
from shared.contracts.settings import Agent, Document, Team
from shared.errors import Malformed

AT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)


KINDS: dict[str, dict[str, Document]] = {
    "agent": {
        "anna": Agent(name="Anna", team="front"),
        "bram": Agent(name="Bram", team="front"),
        "cem": Agent(name="Cem", team="front", enabled=False),
        "dora": Agent(name="Dora"),
    },
    "team": {"front": Team(name="Front"), "back-office": Team(name="Back office")},
}


class Desk:
    """The documents of one workspace."""

    def all(self, kind: str, _workspace: str) -> dict[str, Document]:
        return KINDS[kind]


DESK = cast("SettingsReader", Desk())


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("@anna can you look?", ("anna",)),
        ("For @back-office, and (@Bram)!", ("back-office", "bram")),
        ("@anna @anna @front", ("anna", "front")),
        ("mail to anna@anna.example or x@bram", ()),
        ("@nobody knows", ()),
        ("https://example.org/@anna", ()),
        ("@anna, @bram.", ("anna", "bram")),
        ("@annabel", ()),
    ],
)
def test_whom_a_note_names(text: str, named: tuple[str, ...]) -> None:
    assert mentioned(text, DESK, "main") == named


def test_a_team_calls_its_members_but_not_who_wrote_it() -> None:
    assert readers(("front",), DESK, "main", "anna") == {"bram": "front"}
    assert readers(("bram", "front"), DESK, "main", "anna") == {"bram": None}
    assert readers(("anna",), DESK, "main", "anna") == {"anna": None}


def test_a_note_names_a_bounded_number() -> None:
    assert len(mentioned(" ".join(["@anna", "@bram"] * 200), DESK, "main")) <= MOST


# --- copies ----------------------------------------------------------------------------------------------------------


def mail(*headers: tuple[str, str]) -> Mail:
    return Mail("jo@example.org", "Jo", "Parcel", AT, headers, "Hello")


OURS = ("care@bikes.example",)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((("to", "care@bikes.example"),), []),
        ((("to", "Care <CARE@bikes.example>"), ("cc", "Kim <kim@example.org>")), [("kim@example.org", "Kim")]),
        ((("to", "care+tabc@bikes.example, kim@example.org"),), [("kim@example.org", None)]),
        ((("cc", "jo@example.org, kim@example.org, KIM@example.org"),), [("kim@example.org", None)]),
        ((("cc", '"Kim, Park" <kim@example.org>'),), [("kim@example.org", "Kim, Park")]),
        ((("cc", "=?utf-8?q?J=C3=BCrgen?= <j@example.org>"),), [("j@example.org", "Jürgen")]),
        ((("bcc", "secret@example.org"), ("delivered-to", "x@example.org")), []),
        ((("cc", "not an address, <>, @"),), []),
    ],
)
def test_who_reads_along_is_what_to_and_cc_say(
    headers: tuple[tuple[str, str], ...], found: list[tuple[str, str | None]]
) -> None:
    assert [(one.value, one.name) for one in copied(mail(*headers), OURS)] == found


def test_the_copies_of_one_mail_are_bounded() -> None:
    many = ", ".join(f"p{n}@example.org" for n in range(400))
    assert len(copied(mail(("cc", many)), OURS)) <= 50


@given(st.text(max_size=300))
def test_no_header_breaks_the_reading_of_copies(value: str) -> None:
    for one in copied(mail(("to", value), ("cc", f"{'(' * 300}{value}")), OURS):
        assert "@" in one.value


# --- transcripts -----------------------------------------------------------------------------------------------------


def setting(**more: Any) -> Setting:
    fields: dict[str, Any] = {"desk": "Bikes", "subject": "Parcel", "language": "en", "zone": ZoneInfo("UTC")}
    return Setting(**fields | more)


def test_a_transcript_tells_who_said_what_and_when_on_the_shops_clock() -> None:
    lines = [
        Line(AT, False, None, "Where is it?", ("photo.jpg",)),
        Line(AT, True, None, "On its way."),
        Line(AT, False, "Kim", "I see"),
    ]
    text = written(lines, setting(zone=ZoneInfo("Europe/Amsterdam"))).replace(FSI, "").replace(PDI, "")
    assert text == (
        "Your conversation with Bikes\nParcel\n\n"
        "2026-03-29 00:30 (UTC+01:00) – You\nWhere is it?\n[File: photo.jpg]\n\n"
        "2026-03-29 00:30 (UTC+01:00) – Bikes\nOn its way.\n\n"
        "2026-03-29 00:30 (UTC+01:00) – Kim\nI see\n"
    )


@pytest.mark.parametrize("language", [*WORDS, "pt-BR", "xx", None])
def test_a_transcript_is_in_the_customers_language_or_in_english(language: str | None) -> None:
    words = WORDS.get((language or "en").split("-")[0], WORDS["en"])
    text = written([Line(AT, False, None, "Hi")], setting(language=language))
    assert words.customer in text


@given(st.text(max_size=200))
def test_a_text_of_any_direction_ends_its_own_isolate(said: str) -> None:
    text = written([Line(AT, False, None, said), Line(AT, True, None, "after")], setting(language="ar"))
    openings = sum(text.count(mark) for mark in "\u2066\u2067\u2068")
    assert openings <= text.count(PDI)
    assert text.endswith(f"{FSI}after{PDI}\n")


# --- cursors ---------------------------------------------------------------------------------------------------------


def test_a_place_in_a_persons_timeline_comes_back_as_it_went() -> None:
    place = (AT, UUID(int=7), 12)
    assert person_place(cursor(AT, (str(UUID(int=7)), 12))) == place


@pytest.mark.parametrize(
    "text",
    ["", "x", cursor(AT, 3), cursor(AT, ("x", 3)), cursor(AT, (str(UUID(int=7)), -1)), cursor(AT, [1, 2, 3]),
     cursor(AT, (str(UUID(int=7)), True)), cursor(AT, None), cursor("x", (str(UUID(int=7)), 1))],
)  # fmt: skip
def test_a_cursor_of_another_list_is_none_of_a_persons_timeline(text: str) -> None:
    with pytest.raises(Malformed):
        person_place(text)
