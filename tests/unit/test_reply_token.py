"""A token names its ticket to us and says nothing to anybody else."""

import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reply_token import LENGTH, check, sign

KEY = "the-key-of-the-installation"
TICKET = UUID("01a20719-75d9-700c-83cc-a366018aeb02")


@given(st.uuids(), st.text(max_size=30))
def test_a_token_names_its_ticket_in_either_case_and_fits_an_address(ticket: UUID, workspace: str) -> None:
    token = sign(KEY, workspace, ticket)
    assert re.fullmatch(f"[a-z2-7]{{{LENGTH}}}", token)
    assert check(KEY, workspace, token) == check(KEY, workspace, token.upper()) == ticket


def test_another_workspaces_or_installations_token_is_none() -> None:
    token = sign(KEY, "main", TICKET)
    assert check(KEY, "other", token) is None
    assert check("another-key", "main", token) is None


def test_a_token_of_the_key_before_is_good_until_that_key_is_gone() -> None:
    token = sign("old", "main", TICKET)
    assert check("new,old", "main", token) == TICKET
    assert check("new", "main", token) is None
    assert sign("new,old", "main", TICKET) == sign("new", "main", TICKET)


@given(st.integers(0, LENGTH - 2), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_that_was_changed_is_none(place: int, character: str) -> None:
    token = sign(KEY, "main", TICKET)
    changed = token[:place] + character + token[place + 1 :]
    assert check(KEY, "main", changed) == (TICKET if changed == token else None)


@pytest.mark.parametrize("text", ["", "a", "a" * 41, "a" * 43, "1" * 42, "é" * 42, "=" * 42, "a" * 42])
def test_anything_else_is_none(text: str) -> None:
    assert check(KEY, "main", text) is None


@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    assert check(KEY, "main", text) is None
