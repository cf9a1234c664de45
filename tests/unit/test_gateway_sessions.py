"""Signing in: tokens that cannot be forged or mixed up, passwords that cost the same, limits that lock nobody out."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from services.gateway import keys, tokens
from services.gateway.api_sessions import address_of
from services.gateway.passwords import Passwords, outdated
from services.gateway.repo.tries import Tried
from services.gateway.tokens import ACCESS_LIFETIME, Tokens
from services.gateway.tries import ACCOUNT_MAX, ADDRESS_MAX, PAIR_MAX, Subjects, TooManyTries, require_few
from shared.errors import Unauthenticated
from shared.identity import Identity, sign, verify

KEY = "an-installation-key-of-thirty-two-bytes!"


def now() -> datetime:
    return datetime.now(UTC)


def test_an_access_token_names_its_session_until_it_lapses() -> None:
    made = Tokens(KEY)
    access = made.read(made.access("s1", now()))
    assert access.session == "s1"
    assert timedelta(minutes=14) < access.expires_at - now() <= ACCESS_LIFETIME
    with pytest.raises(Unauthenticated, match="lapsed"):
        made.read(made.access("s1", now() - ACCESS_LIFETIME - timedelta(seconds=1)))


def test_an_access_token_opens_no_owner_and_an_identity_opens_no_gateway() -> None:
    identity = Identity("user/1", "admin", "main")
    with pytest.raises(Unauthenticated):
        verify(Tokens(KEY).access("s1", now()), KEY)
    with pytest.raises(Unauthenticated):
        Tokens(KEY).read(sign(identity, KEY, now()))


def test_tokens_outlive_a_rotation_of_the_installations_key_and_not_its_end() -> None:
    old = Tokens(KEY).access("s1", now())
    assert Tokens(f"the-new-key-of-thirty-two-bytes-and-more,{KEY}").read(old).session == "s1"
    with pytest.raises(Unauthenticated):
        Tokens("the-new-key-of-thirty-two-bytes-and-more").read(old)


def test_a_refresh_token_has_one_successor_that_only_the_installation_can_tell() -> None:
    first = tokens.first_refresh(tokens.new_session())
    second = Tokens(KEY).successor(first)
    assert second == Tokens(KEY).successor(first) != first
    assert tokens.session_of(second) == tokens.session_of(first)
    assert Tokens("another-key-of-thirty-two-bytes-or-more").successor(first) != second


@pytest.mark.parametrize("text", ["", "sr_x_y", "sb_" + "0" * 16 + "_" + "0" * 64, "sr_" + "0" * 32])
def test_what_is_no_refresh_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.session_of(text)


def test_a_header_holds_a_key_or_a_token() -> None:
    token = Tokens(KEY).access("s1", now())
    assert keys.token_of(f"Bearer {token}") == token
    assert keys.token_of(f"Bearer {keys.fresh().text}") is None
    assert keys.token_of(f"Basic {token}") is None
    assert keys.token_of(None) is None


async def test_a_password_proves_itself_in_every_spelling_of_unicode() -> None:
    passwords = Passwords()
    kept = await passwords.hashed("caf\u00e9 au lait")
    assert kept.startswith("$argon2id$")
    assert not outdated(kept)
    assert await passwords.prove("cafe\u0301 au lait", kept)
    assert not await passwords.prove("cafe au lait", kept)


async def test_nobodys_password_is_checked_too_and_never_right() -> None:
    passwords = Passwords()
    assert not await passwords.prove("nobody has this password", None)
    assert not await passwords.prove("anything", "not a hash")


def tried(pair: int, account: int, address: int) -> tuple[Subjects, dict[bytes, Tried]]:
    subjects = Subjects.of("main", "a@b.example", "10.0.0.1")
    counts = zip(subjects.all(), (pair, account, address), strict=True)
    return subjects, {subject: Tried(count, 90.2) for subject, count in counts}


@pytest.mark.parametrize(
    "counts",
    [(PAIR_MAX + 1, 6, 6), (1, ACCOUNT_MAX + 1, 1), (1, 1, ADDRESS_MAX + 1)],
    ids=["pair", "account", "address"],
)
def test_past_a_limit_one_is_told_how_long_to_wait(counts: tuple[int, int, int]) -> None:
    with pytest.raises(TooManyTries) as caught:
        require_few(*tried(*counts))
    assert caught.value.retry_after_s == 91


def test_at_the_limit_one_may_still_try() -> None:
    require_few(*tried(PAIR_MAX, ACCOUNT_MAX, ADDRESS_MAX))


def test_what_is_counted_tells_no_address() -> None:
    subjects = Subjects.of("main", "a@b.example", "10.0.0.1")
    assert all(len(subject) == 32 for subject in subjects.all())
    assert Subjects.of("main", "a@b.example", "10.0.0.2").account == subjects.account
    assert Subjects.of("main", "a@b.example", "10.0.0.2").pair != subjects.pair


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "1.1.1.1", "9.9.9.9"),
        (1, "", "9.9.9.9"),
        (1, "6.6.6.6, 1.1.1.1", "1.1.1.1"),
        (2, "6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (3, "1.1.1.1", "1.1.1.1"),
    ],
)
def test_only_our_own_proxies_are_believed_about_an_address(proxies: int, forwarded: str, address: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "headers": headers, "client": ("9.9.9.9", 1)})
    assert address_of(request, proxies) == address
