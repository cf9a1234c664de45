"""API keys: what one looks like, and what is kept of it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from shared.errors import Invalid, Unauthenticated
from shared.identity import Role

_FORM = re.compile(r"sb_([0-9a-f]{16})_([0-9a-f]{64})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{2,500}\.[A-Za-z0-9_-]{2,1000}\.[A-Za-z0-9_-]{2,200}")
LABEL_MAX = 200


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is kept: everything but its secret; `workspace` is None for the installation's own."""

    id: str
    workspace: str | None
    role: Role
    agent: str | None
    shops: tuple[str, ...]
    label: str
    created_at: datetime
    last_used: datetime | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Fresh:
    """A key that was just made: shown once, never kept; without a repr, so that no log can hold it."""

    id: str
    text: str

    @property
    def hash(self) -> bytes:
        """What is kept."""
        return hash_of(self.text)


def fresh() -> Fresh:
    """A new key: 64 random bits name it, 256 random bits prove it."""
    id_ = secrets.token_hex(8)
    return Fresh(id=id_, text=f"sb_{id_}_{secrets.token_hex(32)}")


def hash_of(text: str) -> bytes:
    """SHA-256 of the whole key.

    A slow hash (Argon2) defends what people choose; nobody searches 256 random bits, and this runs on every request.
    """
    return hashlib.sha256(text.encode()).digest()


def token_of(authorization: str | None) -> str | None:
    """The access token (JWT) in an Authorization header; None where it holds anything else."""
    scheme, _, text = (authorization or "").partition(" ")
    found = _TOKEN.fullmatch(text.strip()) if scheme.lower() == "bearer" else None
    return found[0] if found else None


def id_of(authorization: str | None) -> tuple[str, str]:
    """Id and whole text of the key in an Authorization header; raises Unauthenticated where there is none."""
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthenticated("send your API key as `Authorization: Bearer sb_…`")
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise Unauthenticated("this is neither an API key of Switchboard (sb_<id>_<secret>) nor an access token")
    return found[1], found[0]


def proves(text: str, kept_hash: bytes) -> bool:
    """Whether the key is the one that was made, compared in constant time."""
    return hmac.compare_digest(hash_of(text), kept_hash)


def require_sound(role: Role, workspace: str | None, agent: str | None, shops: tuple[str, ...]) -> None:
    """Raises Invalid where a key of this role cannot have these attributes."""
    problems = []
    if (role == "installation") != (workspace is None):
        problems.append(("/role", "an installation key belongs to no workspace, every other key to one"))
    if role == "agent" and agent is None:
        problems.append(("/agent", "a key of the role agent names its agent"))
    if role in ("installation", "integrator") and agent is not None:
        problems.append(("/agent", f"a key of the role {role} is nobody's; leave agent out"))
    if role in ("installation", "admin") and shops:
        problems.append(("/shops", f"a key of the role {role} is for all shops; leave shops out"))
    if problems:
        fields = [{"pointer": pointer, "detail": detail} for pointer, detail in problems]
        raise Invalid("such a key cannot be; see errors", fields=fields)
