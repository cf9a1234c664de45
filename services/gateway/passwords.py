"""Passwords of people: Argon2id, the same work whether or not there is such a user, never more than two at a time."""

import asyncio
import unicodedata
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

from shared.errors import Busy

T = TypeVar("T")

LENGTH_MIN = 10
LENGTH_MAX = 256
AT_ONCE = 2
"""Each takes 19 MiB and a core for some 30 ms."""
WAITING_MAX = 50

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
"""OWASP's Password Storage Cheat Sheet, Argon2id: m=19 MiB, t=2, p=1."""


class Passwords:
    """Hashes and checks beside the event loop, which goes on meanwhile."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys: str | None = None

    async def hashed(self, password: str) -> str:
        """What is kept of a password."""
        return await self._run(lambda: _HASHER.hash(_normal(password)))

    async def prove(self, password: str, kept: str | None) -> bool:
        """Whether this is the password; with None (there is no such user) it is as much work, and False."""
        if kept is None:
            if self._nobodys is None:
                self._nobodys = await self.hashed("nobody has this password")
            await self._run(lambda: _proves(password, self._nobodys or ""))
            return False
        return await self._run(lambda: _proves(password, kept))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING_MAX:
            raise Busy("too many people sign in at once; try again in a moment")
        self._waiting += 1
        try:
            async with self._free:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def outdated(kept: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _proves(password: str, kept: str) -> bool:
    try:
        return _HASHER.verify(kept, _normal(password))
    except (Argon2Error, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """One form for what different keyboards send for the same letters (RFC 8265, OpaqueString)."""
    return unicodedata.normalize("NFC", password)
