"""Who is asking: the identity the gateway signs and every owner verifies (architecture.md §3)."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, get_args

import jwt

from shared.errors import Unauthenticated

Role = Literal["installation", "admin", "lead", "agent", "integrator"]
"""`installation` owns the machine and stands above workspaces; the others belong to one workspace."""

LIFETIME = timedelta(seconds=60)
_AUDIENCE = "switchboard-internal"
_LEEWAY_S = 5
_NOT_OURS = "the internal identity is missing, not ours, or has lapsed"


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller; `shops` empty means all shops of the workspace."""

    principal: str
    role: Role
    workspace: str
    shops: tuple[str, ...] = ()
    agent: str | None = None

    def sees(self, shop: str | None) -> bool:
        """Whether what belongs to this shop, or to none, is for the caller."""
        return not self.shops or shop in self.shops


def sign(identity: Identity, key: str, now: datetime) -> str:
    """A token (JWT, HS256) that owners accept for LIFETIME."""
    claims = {
        "aud": _AUDIENCE,
        "sub": identity.principal,
        "role": identity.role,
        "ws": identity.workspace,
        "shops": list(identity.shops),
        "agent": identity.agent,
        "iat": now,
        "exp": now + LIFETIME,
    }
    return jwt.encode(claims, key, algorithm="HS256")


def operator(key: str, now: datetime) -> dict[str, str]:
    """Headers by which an operator's command asks a service for what it tells nobody else (shared/ops.py)."""
    signed = sign(Identity(principal="operator", role="installation", workspace=""), key, now)
    return {"authorization": f"Bearer {signed}"}


def verify(token: str, key: str) -> Identity:
    """The identity a token carries; raises Unauthenticated where it is not ours or has lapsed."""
    found, lapses_at = _read(token, key)
    if time.time() > lapses_at:
        raise Unauthenticated(_NOT_OURS)
    return found


@lru_cache(maxsize=10_000)
def _read(token: str, key: str) -> tuple[Identity, float]:
    """The identity, and when it lapses; a token comes many times, and checking it costs as much as a route."""
    try:
        claims = jwt.decode(
            token, key, algorithms=["HS256"], audience=_AUDIENCE, leeway=_LEEWAY_S, options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError as error:
        raise Unauthenticated(_NOT_OURS) from error
    if claims.get("role") not in get_args(Role):
        raise Unauthenticated("the internal identity names no role that we know")
    found = Identity(
        principal=str(claims["sub"]),
        role=claims["role"],
        workspace=str(claims.get("ws") or ""),
        shops=tuple(claims.get("shops") or ()),
        agent=claims.get("agent"),
    )
    return found, float(claims["exp"]) + _LEEWAY_S
