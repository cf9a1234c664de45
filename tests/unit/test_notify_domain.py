"""What outcomes, receipts and people make of a message on its way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain import send as rules
from services.notify.domain.send import RANK, RESOLVED, Patience, Send, Told

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLAIM = UUID(int=9)
PATIENCE = Patience(attempts_max=3, give_up_s=3600, first_s=1, most_s=60, hold_s=60)
STATES = ("sent", "delivered", "read", "failed")


def row(**more: Any) -> Send:
    """A message that is being sent for the first time."""
    fields: dict[str, Any] = {
        "workspace": "main", "message": UUID(int=1), "ticket": UUID(int=2), "person": UUID(int=3), "shop": "bikes",
        "channel": "telegram", "account": "bot", "recipient": "77", "content": b"{}", "state": "queued",
        "step": "sending", "version": 1, "attempts": 1, "part": 0, "doubtful": False, "provider_id": None, "names": (),
        "reason": None, "changed_at": NOW, "claim": CLAIM, "correlation": None, "trace": None, "age_s": 1.0,
    }  # fmt: skip
    return Send(**(fields | more))


def later(send: Send, reason: str = "unavailable", after_s: float | None = None) -> Send:
    return rules.try_later(send, NOW, reason, retry_after_s=after_s, patience=PATIENCE, chance=0.5)


def test_an_accepted_message_is_sent_and_keeps_no_content() -> None:
    sent = rules.accepted(row(), NOW, "77:1", last=True)
    assert (sent.state, sent.step, sent.version, sent.provider_id) == ("sent", "done", 2, "77:1")
    assert (sent.content, sent.recipient) == (None, "")


def test_of_a_long_text_the_next_part_follows_before_anything_is_told() -> None:
    first = rules.accepted(row(attempts=2), NOW, "77:1", last=False)
    assert (first.step, first.part, first.attempts, first.version, first.content) == ("queued", 1, 0, 1, b"{}")


def test_what_the_provider_calls_each_part_is_kept() -> None:
    first = replace(rules.accepted(row(), NOW, "77:1", last=False), step="sending")
    both = rules.accepted(first, NOW, "77:2", last=True)
    assert (both.provider_id, both.names) == ("77:2", ("77:1", "77:2"))
    assert rules.accepted(both, NOW, "77:2", last=True).names == both.names


def test_a_refused_message_failed() -> None:
    failed = rules.rejected(row(), NOW, "blocked")
    assert (failed.state, failed.step, failed.reason, failed.version) == ("failed", "done", "blocked", 2)


def test_a_retry_waits_longer_each_time_and_as_long_as_the_provider_says() -> None:
    waits = [replace(row(attempts=n), age_s=0).attempts and PATIENCE.backoff_s(n, 0.0) for n in (1, 2, 3, 20)]
    assert waits == [0.5, 1.0, 2.0, 30.0]
    assert later(row(), after_s=45).wait_s == 45
    assert later(row()).step == "queued" and later(row()).version == 1


def test_after_too_many_tries_or_too_long_it_failed_with_the_last_reason() -> None:
    assert (later(row(attempts=3)).state, later(row(attempts=3)).reason) == ("failed", "unavailable")
    assert later(row(age_s=4000)).state == "failed"


def test_what_may_have_arrived_never_just_fails() -> None:
    doubted = rules.doubted(row(), NOW, "timeout", patience=PATIENCE, chance=0)
    assert (doubted.step, doubted.doubtful, doubted.version) == ("queued", True, 1)
    given_up = later(replace(doubted, step="sending", attempts=3))
    assert (given_up.state, given_up.step) == ("unknown", "unsure")


def test_an_unknown_outcome_is_told_and_keeps_what_a_resend_needs() -> None:
    unknown = rules.unsure(row(), NOW, "timeout", patience=PATIENCE)
    assert (unknown.state, unknown.step, unknown.hold_s, unknown.content) == ("unknown", "unsure", 60, b"{}")
    assert rules.accepted(unknown, NOW, "77:1", last=True).state == "sent"
    assert rules.received(unknown, "delivered", NOW, None).state == "delivered"


@pytest.mark.parametrize(("outcome", "state", "step"), [
    ("sent", "sent", "done"), ("failed", "failed", "done"), ("resend", "queued", "queued"),
])  # fmt: skip
def test_a_person_decides_what_nobody_knows(outcome: str, state: str, step: str) -> None:
    unknown = rules.unsure(row(), NOW, "timeout", patience=PATIENCE)
    decided = RESOLVED[outcome](unknown, NOW)
    assert (decided.state, decided.step, decided.version) == (state, step, 3)
    assert (decided.content is None) == (step == "done")


def test_a_message_whose_sending_is_over_is_not_changed_by_a_late_outcome() -> None:
    delivered = rules.received(row(), "delivered", NOW, None)
    assert rules.rejected(delivered, NOW, "late") == delivered
    assert later(delivered) == delivered
    assert rules.unsure(delivered, NOW, "late", patience=PATIENCE) == delivered
    named = rules.accepted(delivered, NOW, "p1", last=True)
    assert (named.state, named.provider_id, named.version) == ("delivered", "p1", delivered.version + 1)
    assert rules.accepted(named, NOW, "p1", last=True) == named


@given(st.lists(st.sampled_from(STATES), max_size=12))
def test_receipts_in_any_order_only_move_it_up(states: list[Any]) -> None:
    send = row(step="queued")
    for number, state in enumerate(states):
        after = rules.received(send, state, NOW + timedelta(seconds=number), None)
        assert after == send or after.version == send.version + 1
        if after != send and after.state != "failed":
            assert RANK[after.state] > RANK[send.state]
        assert not (after.state == "failed" and send.state in ("delivered", "read"))
        assert rules.received(after, state, NOW, None) == after
        send = after
    if "failed" not in states and states:
        assert send.state == max(states, key=lambda state: RANK[state])


@given(st.lists(st.sampled_from(["accept", "later", "reject", "unsure", "doubt", "back", *STATES]), max_size=20))
def test_state_and_step_agree_whatever_happens(story: list[str]) -> None:
    """What `verify` asks of every row holds after each step of any story."""
    send = row(step="queued", claim=None, attempts=0)
    for what in story:
        if what not in STATES and send.step == "queued":
            send = replace(send, step="sending", claim=CLAIM, attempts=send.attempts + 1)
        send = {
            "accept": lambda s: rules.accepted(s, NOW, None, last=True),
            "later": later,
            "reject": lambda s: rules.rejected(s, NOW, "no"),
            "unsure": lambda s: rules.unsure(s, NOW, "timeout", patience=PATIENCE),
            "doubt": lambda s: rules.doubted(s, NOW, "timeout", patience=PATIENCE, chance=0),
            "back": rules.put_back,
        }.get(what, lambda s, state=what: rules.received(s, state, NOW, None))(send)
        assert (send.step == "done") == (send.state in STATES)
        assert (send.step == "unsure") == (send.state == "unknown")
        assert (send.step == "done") == (send.content is None)


@given(st.sampled_from(["queued", "unknown", *STATES]))
def test_a_restored_row_comes_to_what_was_told(state: Any) -> None:
    taught = rules.taught(row(step="queued", claim=None), Told(4, state, NOW, None, 2))
    assert (taught.state, taught.version, taught.attempts) == (state, 4, 2)
    assert taught.step == {"queued": "queued", "unknown": "unsure"}.get(state, "done")
