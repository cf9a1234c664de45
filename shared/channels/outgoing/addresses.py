"""Which addresses we may connect to: names that people configure must not reach into our own network.

A name is resolved once and the connection goes to an address that was checked, so that a second answer of the same
name server (DNS rebinding) changes nothing.
"""

import asyncio
import ipaddress
import socket
from dataclasses import dataclass

from shared.errors import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv4 behind NAT64 (RFC 6052): what counts is the address within."""


def is_public(address: Address) -> bool:
    """Whether the address belongs to the public Internet, through every way of writing an IPv4 address in IPv6."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


@dataclass(frozen=True, slots=True)
class Addresses:
    """Resolves names; `allow_private` is for tests and for a desk on one machine."""

    allow_private: bool = False

    async def of(self, host: str, port: int) -> list[str]:
        """Addresses to connect to, best first.

        Raises OSError where the name does not resolve (now), and Invalid where it leads to an address that is not
        public: all of them must be, since one that is not shows what the name is for.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        texts = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
        if not self.allow_private:
            for text in texts:
                if not is_public(ipaddress.ip_address(text)):
                    raise Invalid(
                        "the name leads to an address that is not public; a desk on one machine may allow it with "
                        "SWITCHBOARD_ALLOW_PRIVATE_URLS=true",
                        reason="private-address",
                    )
        return texts
