"""What `send` reaches the network with: one for each account, so that a slow far end keeps only itself waiting."""

from dataclasses import dataclass

import httpx

from shared.channels.outgoing.addresses import Addresses


@dataclass(frozen=True, slots=True)
class Client:
    """Connections of one account; of a call's `timeout_s` finding and reaching the far end may take a quarter."""

    http: httpx.AsyncClient
    addresses: Addresses
    timeout_s: float

    @property
    def connect_s(self) -> float:
        """Seconds for finding the address, and as many for connecting to it."""
        return self.timeout_s / 8
