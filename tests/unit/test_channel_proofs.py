"""Who may speak for an account: right, wrong, missing, foreign, replayed and tampered proofs."""

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.channels import CHANNELS
from shared.channels.base import Request
from shared.errors import Unauthenticated
from tests.unit.channel_requests import NOW, OLDER, SECRET, account, hub_signed, signed, with_password, with_token

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


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_no_header_at_all_is_refused_on_every_channel(channel: str) -> None:
    assert refusal(channel, Request(headers={}, body=BODY, received_at=NOW)) == "missing_signature"


@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_an_account_without_secrets_lets_nobody_in(channel: str) -> None:
    without = replace(account(), secrets=())
    for request in (signed(BODY, secret=""), with_token("x"), with_password("x"), hub_signed(BODY, "")):
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


# --- Meta: one signature, one question, three channels ---------------------------------------------------------------

META = ("whatsapp", "messenger", "instagram")
TOKEN = hmac.new(SECRET.encode(), b"switchboard-verify-token", "sha256").hexdigest()
"""As an operator makes it, with openssl (docs/channels)."""


@pytest.mark.parametrize("channel", META)
@pytest.mark.parametrize("secret", [SECRET, OLDER])
def test_a_body_that_meta_signed_is_accepted(channel: str, secret: str) -> None:
    assert refusal(channel, hub_signed(BODY, secret), SECRET, OLDER) is None


@pytest.mark.parametrize("channel", META)
def test_what_meta_did_not_sign_is_refused(channel: str) -> None:
    right = hub_signed(BODY)
    given = right.headers["x-hub-signature-256"]
    wrong = {
        "changed on the way": replace(right, body=BODY + b" "),
        "another account's": hub_signed(BODY, "of-another-account"),
        "without its beginning": replace(right, headers={"x-hub-signature-256": given.removeprefix("sha256=")}),
        "cut": replace(right, headers={"x-hub-signature-256": given[:-1]}),
        "in capitals": replace(right, headers={"x-hub-signature-256": given.upper()}),
        "no text": replace(right, headers={"x-hub-signature-256": "sha256=\xff"}),
    }
    assert {name: refusal(channel, request) for name, request in wrong.items()} == dict.fromkeys(wrong, "bad_signature")


@pytest.mark.parametrize("channel", META)
def test_the_old_signature_of_meta_proves_nothing(channel: str) -> None:
    assert refusal(channel, hub_signed(BODY, method="sha1")) == "missing_signature"


def greeted(channel: str, *secrets: str, **asked: str) -> bytes | str:
    """What is answered to the provider's question, or why it is refused."""
    query = {f"hub.{name}": value for name, value in asked.items()}
    greet = CHANNELS[channel].greet
    assert greet is not None
    try:
        return greet(Request(headers={}, body=b"", received_at=NOW, query=query), account(*secrets))
    except Unauthenticated as error:
        return error.reason


@pytest.mark.parametrize("channel", META)
def test_meta_is_told_that_the_address_is_ours(channel: str) -> None:
    right = {"mode": "subscribe", "verify_token": TOKEN, "challenge": "1158201444"}
    assert greeted(channel, **right) == b"1158201444"
    assert greeted(channel, "a-newer-one", SECRET, **right) == b"1158201444"
    assert greeted(channel, **right | {"challenge": "a\r\nb" + "x" * 1000})[:4] == b"a bx"
    assert greeted(channel, "of-another-account", **right) == "bad_signature"
    assert greeted(channel, **right | {"verify_token": SECRET}) == "bad_signature"
    assert greeted(channel, **right | {"mode": "unsubscribe"}) == "missing_signature"
    assert greeted(channel) == "missing_signature"


@pytest.mark.parametrize("channel", META)
def test_the_verify_token_signs_nothing(channel: str) -> None:
    assert refusal(channel, hub_signed(BODY, TOKEN)) == "bad_signature"
