"""What `send` reaches the network with: one for each account, so that a slow far end keeps only itself waiting."""

from dataclasses import dataclass, field

import httpx

from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.smtp_sessions import SmtpSessions


@dataclass(frozen=True, slots=True)
class Client:
    """Connections of one account; of a call's `timeout_s` finding and reaching the far end may take a quarter."""

    http: httpx.AsyncClient
    addresses: Addresses
    timeout_s: float
    sessions: SmtpSessions = field(default_factory=SmtpSessions)

    async def close(self) -> None:
        """Let go of all connections."""
        self.sessions.close()
        await self.http.aclose()

    @property
    def connect_s(self) -> float:
        """Seconds for finding the address, and as many for connecting to it."""
        return self.timeout_s / 8
