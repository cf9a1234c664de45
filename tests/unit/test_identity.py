"""An identity is believed while its signature is ours and its minute has not passed, however often it comes."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import Unauthenticated
from shared.identity import LIFETIME, Identity, sign, verify

KEY = "a-key-of-an-installation-of-32-bytes"
ANNA = Identity("anna", "agent", "main", shops=("bikes",), agent="anna")


def test_a_signed_identity_comes_back_as_it_was() -> None:
    token = sign(ANNA, KEY, datetime.now(UTC))
    assert verify(token, KEY) == verify(token, KEY) == ANNA


def test_another_key_or_a_changed_token_is_not_believed() -> None:
    token = sign(ANNA, KEY, datetime.now(UTC))
    assert verify(token, KEY) == ANNA
    for wrong, key in ((token, KEY + "2"), (token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1], KEY)):
        with pytest.raises(Unauthenticated):
            verify(wrong, key)


def test_what_was_believed_before_lapses_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign(ANNA, KEY, datetime.now(UTC))
    assert verify(token, KEY) == ANNA
    later = time.time() + LIFETIME.total_seconds() + 6
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        verify(token, KEY)


def test_an_old_token_is_not_believed() -> None:
    with pytest.raises(Unauthenticated):
        verify(sign(ANNA, KEY, datetime.now(UTC) - LIFETIME - timedelta(seconds=6)), KEY)
