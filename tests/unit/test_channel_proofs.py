"""Who may speak for an account: right, wrong, missing, foreign, replayed and tampered proofs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.errors import Unauthenticated
from tests.unit.channel_requests import NOW, OLDER, SECRET, account, signed, with_password, with_token

BODY = b'{"id": "1"}'


def refusal(channel: str, request: Request, *secrets: str) -> str | None:
    """Why the request is refused, or None."""
    try:
        CHANNELS[channel].verify(request, account(*secrets))
    except Unauthenticated as error:
        return error.reason
    return None


def test_a_signed_request_is_accepted() -> None:
    assert refusal("http", signed(BODY)) is None


@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_old_and_new_secret_overlap_while_they_are_rotated(secret: str) -> None:
    assert refusal("http", signed(BODY, secret=secret), SECRET, OLDER) is None
    assert refusal("telegram", with_token(secret), SECRET, OLDER) is None
    assert refusal("postmark", with_password(secret), SECRET, OLDER) is None


def test_one_of_several_signatures_is_enough() -> None:
    assert refusal("http", signed(BODY, before=["v1=00", "v0=abc", "nonsense"])) is None


def test_a_body_changed_on_the_way_is_refused() -> None:
    assert refusal("http", replace(signed(BODY), body=BODY + b" ")) == "bad_signature"


def test_a_timestamp_changed_on_the_way_is_refused() -> None:
    request = signed(BODY)
    later = {**request.headers, "switchboard-timestamp": str(int(NOW.timestamp()) + 1)}
    assert refusal("http", replace(request, headers=later)) == "bad_signature"


def test_another_accounts_secret_is_refused() -> None:
    assert refusal("http", signed(BODY, secret="of-another-account")) == "bad_signature"
    assert refusal("telegram", with_token("of-another-account")) == "bad_signature"
    assert refusal("postmark", with_password("of-another-account")) == "bad_signature"


@pytest.mark.parametrize("age_s", [-300, 0, 300])
def test_a_request_within_five_minutes_is_accepted(age_s: int) -> None:
    assert refusal("http", signed(BODY, age=timedelta(seconds=age_s))) is None


@pytest.mark.parametrize("age_s", [-301, 301, 86_400])
def test_a_request_replayed_later_is_refused(age_s: int) -> None:
    assert refusal("http", signed(BODY, age=timedelta(seconds=age_s))) == "stale_timestamp"


@pytest.mark.parametrize("missing", ["switchboard-timestamp", "switchboard-signature"])
def test_a_request_without_proof_is_refused(missing: str) -> None:
    request = signed(BODY)
    kept = {name: value for name, value in request.headers.items() if name != missing}
    assert refusal("http", replace(request, headers=kept)) == "missing_signature"


@pytest.mark.parametrize("channel", ["http", "telegram", "postmark"])
def test_no_header_at_all_is_refused_on_every_channel(channel: str) -> None:
    assert refusal(channel, Request(headers={}, body=BODY, received_at=NOW)) == "missing_signature"


@pytest.mark.parametrize("channel", ["http", "telegram", "postmark"])
def test_an_account_without_secrets_lets_nobody_in(channel: str) -> None:
    without = replace(account(), secrets=())
    for request in (signed(BODY, secret=""), with_token("x"), with_password("x")):
        with pytest.raises(Unauthenticated):
            CHANNELS[channel].verify(request, without)


@pytest.mark.parametrize("stamp", ["", "now", "-5", "1e9", "１７６７３２３０４５", "9" * 40])
def test_a_timestamp_that_is_no_number_is_refused(stamp: str) -> None:
    request = signed(BODY)
    assert refusal("http", replace(request, headers={**request.headers, "switchboard-timestamp": stamp})) in (
        "bad_timestamp",
        "missing_signature",
    )


@pytest.mark.parametrize("value", ["Basic", "Basic !!!", "Bearer abc", "Basic \xff", "Basic YWJj"])
def test_credentials_that_are_none_are_refused(value: str) -> None:
    assert refusal("postmark", Request(headers={"authorization": value}, body=b"", received_at=NOW)) is not None


def test_postmark_may_give_the_secret_in_the_address() -> None:
    in_query: Callable[[str], Request] = lambda token: Request(  # noqa: E731
        headers={}, body=b"", received_at=NOW, query={"token": token}
    )
    assert refusal("postmark", in_query(SECRET)) is None
    assert refusal("postmark", in_query("wrong")) == "bad_signature"


def test_a_password_may_hold_a_colon() -> None:
    assert refusal("postmark", with_password("a:b"), "a:b") is None
