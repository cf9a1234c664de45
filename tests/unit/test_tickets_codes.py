"""One-time codes: kept without being known, tried a few times, and sent no oftener than is good."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain import code_texts, codes
from services.tickets.domain.codes import PER_CONTACT, PER_PERSON, TRIES, VALID_FOR, TooManyCodes, Verification
from shared.errors import Conflict
from tests.factories import START

ID = UUID(int=1)
SENT = Verification(
    ID, UUID(int=2), "email", "", "a@b.example", codes.seal("new,old", ID, "012345"), UUID(int=3), START,
    START + VALID_FOR, 0, None,
)  # fmt: skip
CODES = st.integers(0, 999_999).map(lambda number: f"{number:06}")


@given(CODES)
def test_only_the_code_itself_proves_and_its_seal_does_not_tell_it(code: str) -> None:
    assert codes.proves("new", SENT, code) == (code == "012345")
    assert code.encode() not in SENT.code


def test_a_code_outlives_a_rotation_of_the_key_and_counts_for_its_own_row_only() -> None:
    assert codes.proves("newest,new", SENT, "012345")
    assert not codes.proves("newest", SENT, "012345")
    assert not codes.proves("new", replace(SENT, id=UUID(int=9)), "012345")


@pytest.mark.parametrize(
    ("more", "after", "reason"),
    [
        ({"tries": TRIES}, timedelta(0), "too_many_tries"),
        ({"outcome": "spent"}, timedelta(0), "too_many_tries"),
        ({"outcome": "verified"}, timedelta(0), "code_used"),
        ({"outcome": "suggested"}, timedelta(0), "code_used"),
        ({}, VALID_FOR, "code_expired"),
    ],
)
def test_a_code_that_is_over_is_refused_with_its_reason(more: dict[str, Any], after: timedelta, reason: str) -> None:
    codes.require_open(SENT, START + VALID_FOR - timedelta(microseconds=1))
    with pytest.raises(Conflict) as refused:
        codes.require_open(replace(SENT, **more), START + after)
    assert refused.value.reason == reason


def test_codes_pause_until_enough_of_them_are_an_hour_old() -> None:
    def sent(count: int) -> list[datetime]:
        return [START + timedelta(minutes=number) for number in range(count)]

    now = START + timedelta(minutes=30)
    codes.require_pause(sent(PER_CONTACT - 1), sent(PER_PERSON - 1), now)
    for to_contact, for_person in ((sent(PER_CONTACT), []), ([], sent(PER_PERSON))):
        with pytest.raises(TooManyCodes) as refused:
            codes.require_pause(to_contact, for_person, now)
        assert refused.value.retry_after_s == 30 * 60 + 1


@pytest.mark.parametrize("language", [*code_texts.LANGUAGES, "pt-BR", "zh-Hans", "xx", None])
def test_every_language_says_the_code_once(language: str | None) -> None:
    said = code_texts.text(language, "012345")
    assert said.count("012345") == 1
    assert code_texts.HIDDEN in said.replace("012345", code_texts.HIDDEN)
