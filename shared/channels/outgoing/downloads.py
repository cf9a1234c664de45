"""One GET of a file that somebody else names: checked addresses at every hop, bounded size, bounded time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from shared.channels.outgoing import web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Fetch, Fetched, Rejected, TryLater
from shared.contracts.inbound_messages import Attachment
from shared.errors import Invalid

if TYPE_CHECKING:
    from shared.channels.base import AccountContext

FILE_MAX_BYTES = 25 * 1024 * 1024
REDIRECTS = 3
_MOVED = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({403, 404, 410})


@dataclass(frozen=True, slots=True)
class Got:
    """The far end's answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


async def fetch(client: Client, url: str, headers: Mapping[str, str]) -> Fetch:
    """The file at this address."""
    got = await get(client, url, headers)
    if not isinstance(got, Got):
        return got
    if got.status == 200:
        return Fetched(got.body, got.headers.get("content-type", "").partition(";")[0].strip().lower() or None)
    return Rejected(f"http-{got.status}") if got.status in _GONE else TryLater(f"http-{got.status}")


async def by_address(file: Attachment, account: "AccountContext", client: Client) -> Fetch:
    """A channel's `fetch` where a file's reference is its address, open to everybody who knows it."""
    return await fetch(client, file.reference or "", {})


async def get(
    client: Client, url: str, headers: Mapping[str, str], *, most_bytes: int = FILE_MAX_BYTES
) -> Got | TryLater | Rejected:
    """The answer, after at most REDIRECTS hops; what proves us is told to the first origin alone."""
    first = None
    for _ in range(REDIRECTS + 1):
        try:
            wanted = web.target(url)
        except Invalid as error:
            return Rejected(error.reason)
        origin = (wanted.scheme, wanted.host, wanted.port)
        first = first or origin
        got = await _hop(client, wanted, headers if origin == first else {}, most_bytes)
        if not isinstance(got, Got) or got.status not in _MOVED or "location" not in got.headers:
            return got
        try:
            url = str(wanted.join(got.headers["location"]))
        except httpx.InvalidURL:
            return Rejected("bad-address")
    return Rejected("too-many-redirects")


async def _hop(
    client: Client, wanted: httpx.URL, headers: Mapping[str, str], most_bytes: int
) -> Got | TryLater | Rejected:
    try:
        async with asyncio.timeout(client.timeout_s):
            return await _read(client, wanted, headers, most_bytes)
    except Invalid as error:
        return Rejected(error.reason)
    except (httpx.HTTPError, OSError) as error:  # a timeout is an OSError
        return TryLater("timeout" if isinstance(error, TimeoutError | httpx.TimeoutException) else "no-connection")


async def _read(
    client: Client, wanted: httpx.URL, headers: Mapping[str, str], most_bytes: int
) -> Got | TryLater | Rejected:
    port = wanted.port or (443 if wanted.scheme == "https" else 80)
    addresses = await client.addresses.of(wanted.host, port)
    if not addresses:
        return TryLater("no-address")
    request = web.request(client, wanted, addresses[0], method="GET", headers=headers)
    response = await client.http.send(request, stream=True)
    try:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > most_bytes:
                return Rejected("too-large")
        return Got(response.status_code, response.headers, bytes(body))
    finally:
        await response.aclose()
