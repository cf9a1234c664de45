"""Sessions with submission servers that are open and unused: the next mail saves connecting, TLS and logging in."""

import asyncio
import time
from collections.abc import Hashable

import aiosmtplib

IDLE_S = 20.0
"""Less than servers wait for the next command (RFC 5321 §4.5.3.2.7 lets them wait for 5 minutes; many do not)."""
MOST = 4


class SmtpSessions:
    """The idle sessions of one account; whoever takes one owns it until it is given back."""

    def __init__(self) -> None:
        self._idle: list[tuple[Hashable, aiosmtplib.SMTP, float]] = []

    def take(self, server: Hashable) -> aiosmtplib.SMTP | None:
        """The session with this server that was used last, where one is fresh; others are closed."""
        while self._idle:
            with_whom, session, since = self._idle.pop()
            if with_whom == server and time.monotonic() - since < IDLE_S and session.is_connected:
                return session
            session.close()
        return None

    def give_back(self, server: Hashable, session: aiosmtplib.SMTP) -> None:
        """It has taken a mail and may take another one."""
        if len(self._idle) < MOST and session.is_connected:
            self._idle.append((server, session, time.monotonic()))
            asyncio.get_running_loop().call_later(IDLE_S, self._expire)
        else:
            session.close()

    def _expire(self) -> None:
        """Nobody wanted them in time."""
        since = time.monotonic() - IDLE_S
        for idle in [idle for idle in self._idle if idle[2] <= since]:
            self._idle.remove(idle)
            idle[1].close()

    def close(self) -> None:
        """Close them all."""
        for _, session, _ in self._idle:
            session.close()
        self._idle.clear()
