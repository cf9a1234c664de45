"""Tokens of a session: a short one that opens the API, and one that is spent to get the next pair."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt

from shared.errors import Unauthenticated

ACCESS_LIFETIME = timedelta(minutes=15)
_AUDIENCE = "switchboard-access"
_REFRESH = re.compile(r"sr_([0-9a-f]{32})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token says: of which session it is, and until when. Who that is, the session knows."""

    session: str
    expires_at: datetime


class Tokens:
    """Makes and reads tokens with keys derived from the installation's, newest first; old ones are still read."""

    def __init__(self, installation_keys: str) -> None:
        keys = [key.encode() for key in installation_keys.split(",")]
        self._access = [_derived(key, b"access tokens") for key in keys]
        self._refresh = _derived(keys[0], b"refresh tokens")

    def access(self, session: str, now: datetime) -> str:
        """A token (JWT, HS256) that opens the API for ACCESS_LIFETIME."""
        claims = {"aud": _AUDIENCE, "sid": session, "iat": now, "exp": now + ACCESS_LIFETIME}
        return jwt.encode(claims, self._access[0], algorithm="HS256")

    def read(self, token: str) -> Access:
        """What an access token says; raises Unauthenticated where it is not ours or has lapsed."""
        for key in self._access:
            try:
                claims = jwt.decode(
                    token, key, algorithms=["HS256"], audience=_AUDIENCE, options={"require": ["exp", "sid"]}
                )
            except jwt.ExpiredSignatureError as error:
                raise Unauthenticated(
                    "this access token has lapsed; POST /v1/sessions/refresh gives the next", reason="token_lapsed"
                ) from error
            except jwt.InvalidTokenError:
                continue
            return Access(str(claims["sid"]), datetime.fromtimestamp(claims["exp"], tz=UTC))
        raise Unauthenticated("this access token is not ours")

    def successor(self, refresh: str) -> str:
        """The refresh token after this one.

        It follows from the one before, so that a client whose answer was lost gets the same one again; without the
        installation's key nobody can tell it.
        """
        session = session_of(refresh)
        return f"sr_{session}_{hmac.new(self._refresh, refresh.encode(), hashlib.sha256).hexdigest()}"


def first_refresh(session: str) -> str:
    """A session's first refresh token."""
    return f"sr_{session}_{secrets.token_hex(32)}"


def new_session() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)


def session_of(refresh: str) -> str:
    """The session that a refresh token names; raises Unauthenticated where it is none of ours."""
    found = _REFRESH.fullmatch(refresh)
    if found is None:
        raise Unauthenticated("this is not a refresh token of Switchboard; sign in again")
    return found[1]


def hash_of(refresh: str) -> bytes:
    """What is kept of a refresh token: it has 256 random bits, so a plain SHA-256 (see keys.py)."""
    return hashlib.sha256(refresh.encode()).digest()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, b"switchboard/" + purpose, hashlib.sha256).digest()
