"""Signing in, staying signed in, signing out."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from services.gateway import keys, passwords, tokens, tries
from services.gateway.passwords import Passwords
from services.gateway.repo import keys as kept_keys
from services.gateway.repo import sessions, users
from services.gateway.repo import tries as kept_tries
from services.gateway.repo.users import User, WithPassword
from services.gateway.tokens import Tokens
from services.gateway.tries import Subjects
from shared.db.pool import connection, transaction
from shared.errors import Unauthenticated
from shared.service import Runtime

log = logging.getLogger(__name__)

LIFETIME = timedelta(days=30)
"""Then the password is asked for again."""
LOST_ANSWER = timedelta(seconds=30)
"""A refresh token may come again for so long: the client that did not get its answer asks once more."""
FORGET_EVERY_S = 600

_WRONG = "workspace, e-mail address or password is wrong"


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """What a client works with: the access token for requests, the refresh token for the next pair."""

    session: str
    access: str
    refresh: str
    refresh_expires_in_s: int


class Sessions:
    """One per process."""

    def __init__(self, runtime: Runtime, made: Tokens, secret: Passwords) -> None:
        self._runtime = runtime
        self._pool = runtime.pool
        self._tokens = made
        self._passwords = secret

    async def by_password(self, workspace: str, email: str, password: str, address: str) -> Pair:
        """Sign a user in; raises Unauthenticated or TooManyTries and tells nobody whether there is such a user."""
        subjects = Subjects.of(workspace, email, address)
        async with transaction(self._pool) as tx:
            tried = await kept_tries.count(tx, subjects.all(), tries.WINDOW)
        tries.require_few(subjects, tried)
        async with connection(self._pool) as one:
            found = await users.by_email(one, workspace, email)
        proved = await self._passwords.prove(password, found.password if found else None)
        if found is None or not proved or found.user.disabled_at is not None:
            raise Unauthenticated(_WRONG, reason="wrong_password")
        return await self._begun_by(found, password, subjects)

    async def _begun_by(self, found: WithPassword, password: str, subjects: Subjects) -> Pair:
        user: User = found.user
        newer = None
        if found.password is not None and passwords.outdated(found.password):
            newer = await self._passwords.hashed(password)
        session = tokens.new_session()
        refresh = tokens.first_refresh(session)
        async with transaction(self._pool) as tx:
            await kept_tries.forget(tx, [subjects.pair])
            await kept_tries.take_back(tx, [subjects.account, subjects.address])
            if newer is not None:
                await users.set_password(tx, user.workspace, user.id, newer)
            await users.signed_in(tx, user, self._runtime.clock())
            await sessions.add(
                tx,
                session,
                workspace=user.workspace,
                user_id=user.id,
                lifetime=LIFETIME,
                refresh_hash=tokens.hash_of(refresh),
            )
        return self._pair(session, refresh, int(LIFETIME.total_seconds()))

    async def by_key(self, text: str) -> Pair:
        """A session of an API key, for those who keep a key elsewhere than where they work."""
        id_, text = keys.id_of(f"Bearer {text}")
        session = tokens.new_session()
        refresh = tokens.first_refresh(session)
        async with transaction(self._pool) as tx:
            kept = await kept_keys.find(tx, id_)
            if kept is None or not keys.proves(text, kept.hash) or not kept.live:
                raise Unauthenticated("this API key is not known or was revoked")
            await sessions.add(
                tx,
                session,
                workspace=kept.key.workspace,
                key_id=id_,
                lifetime=LIFETIME,
                refresh_hash=tokens.hash_of(refresh),
            )
        return self._pair(session, refresh, int(LIFETIME.total_seconds()))

    async def refreshed(self, refresh: str) -> Pair:
        """The next pair. A token that comes a second time ends the session: somebody else has it too."""
        session, successor = tokens.session_of(refresh), self._tokens.successor(refresh)
        async with transaction(self._pool) as tx:
            spent = await sessions.spend(
                tx,
                session,
                used=tokens.hash_of(refresh),
                successor=tokens.hash_of(successor),
                again_within=LOST_ANSWER,
            )
            if spent == "reused":
                await sessions.end(tx, session, "refresh token used twice")
            known = await sessions.in_force(tx, [session])
            left_s = await sessions.expires_in_s(tx, session)
        if spent == "reused":
            log.warning("a session ends: its refresh token was used twice", extra={"session": session[:8]})
        if spent in ("reused", "unknown") or session not in known or not known[session].live:
            raise Unauthenticated("this session is over; sign in again", reason="session_over")
        return self._pair(session, successor, left_s)

    def _pair(self, session: str, refresh: str, left_s: int) -> Pair:
        return Pair(session, self._tokens.access(session, self._runtime.clock()), refresh, left_s)


async def forget_sessions(runtime: Runtime) -> None:
    """Delete expired sessions and old tries, until cancelled."""
    while True:
        async with transaction(runtime.pool) as tx:
            await sessions.forget_expired(tx)
            await kept_tries.forget_old(tx, tries.WINDOW)
        await asyncio.sleep(FORGET_EVERY_S)
