"""The connections of a process, apart for each account, so that a slow far end keeps only itself waiting."""

import ssl

import httpx

from shared.channels.outgoing.addresses import Addresses
from shared.channels.outgoing.client import Client


class Clients:
    """Makes the client of an account when it is first asked for."""

    def __init__(self, *, allow_private: bool, at_once: int, timeout_s: float) -> None:
        self._addresses = Addresses(allow_private=allow_private)
        self._at_once = at_once
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context()
        self._clients: dict[tuple[str, str], Client] = {}

    def of(self, workspace: str, account: str) -> Client:
        """The account's client."""
        key = (workspace, account)
        if key not in self._clients:
            limits = httpx.Limits(max_connections=self._at_once, keepalive_expiry=4)
            http = httpx.AsyncClient(verify=self._tls, limits=limits, trust_env=False, follow_redirects=False)
            self._clients[key] = Client(http, self._addresses, self._timeout_s)
        return self._clients[key]

    async def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            await client.close()
