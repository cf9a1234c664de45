"""Who calls: what an API key or a session stands for at this moment."""

from dataclasses import dataclass
from datetime import datetime

from services.gateway.keys import Key
from services.gateway.repo.sessions import Session
from shared.identity import Identity, Role


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person behind a session that began with a password."""

    id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Role, workspace (None: the installation), agent and shops of whoever holds a credential."""

    principal: str
    workspace: str | None
    role: Role
    agent: str | None
    shops: tuple[str, ...]
    user: SignedIn | None = None

    @staticmethod
    def of_key(key: Key) -> "Standing":
        """An API key's."""
        return Standing(f"key/{key.id}", key.workspace, key.role, key.agent, key.shops)

    @staticmethod
    def of_session(session: Session) -> "Standing":
        """A session's; one that began with a key is the key's in all but its token."""
        if session.user_id is None:
            return Standing(f"key/{session.key_id}", session.workspace, session.role, session.agent, session.shops)
        user = SignedIn(session.user_id, session.email or "", session.name or "")
        principal = f"user/{session.user_id}"
        return Standing(principal, session.workspace, session.role, session.agent, session.shops, user)

    def identity(self, workspace: str | None) -> Identity:
        """As owners are told; `workspace` is the one that the installation's key chose."""
        return Identity(self.principal, self.role, self.workspace or workspace or "", self.shops, self.agent)


@dataclass(frozen=True, slots=True)
class Entered:
    """A request that may pass: who asks, with which session, and until when its token lasts (None: a key)."""

    identity: Identity
    user: SignedIn | None = None
    session: str | None = None
    key: str | None = None
    until: datetime | None = None
