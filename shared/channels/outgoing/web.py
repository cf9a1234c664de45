"""One POST to a far end that people configured: to a checked address, without redirects, with a bounded answer."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Rejected, TryLater, Unsure
from shared.errors import Invalid

ANSWER_MAX_BYTES = 64 * 1024
ADDRESSES_TRIED = 3
OURS = {"content-type": "application/json", "user-agent": "Switchboard"}
RETRY_AFTER_MAX_S = 3600.0
_NOTHING_WRITTEN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Answered:
    """The far end's answer, with the beginning of its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> dict[str, Any]:
        """The body's JSON object; empty where it is none."""
        try:
            value = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait, where the far end says so (RFC 9110 §10.2.3)."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit() and len(value) < 10:
            return min(float(value), RETRY_AFTER_MAX_S)
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        wait_s = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
        return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)


def target(url: str) -> httpx.URL:
    """The URL, where it is one that we can post to; raises Invalid otherwise, without repeating it."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        found = httpx.URL("")
    if found.scheme not in ("http", "https") or not found.host or found.userinfo:
        raise Invalid("an address to send to is http:// or https:// with a host and no user", reason="bad-address")
    return found


async def post(
    client: Client, url: str, body: bytes, headers: Mapping[str, str]
) -> Answered | TryLater | Rejected | Unsure:
    """Post once; anything that fails before the request was written is TryLater, anything later Unsure."""
    try:
        wanted = target(url)
        port = wanted.port or (443 if wanted.scheme == "https" else 80)
        async with asyncio.timeout(client.connect_s):
            addresses = await client.addresses.of(wanted.host, port)
    except Invalid as error:
        return Rejected(error.reason)
    except OSError:  # a timeout is one
        return TryLater("name-not-found")
    tried: Answered | TryLater | Unsure = TryLater("no-address")
    for address in addresses[:ADDRESSES_TRIED]:
        asked = request(client, wanted, address, method="POST", headers={**OURS, **headers}, body=body)
        tried = await _exchange(client, asked)
        if not isinstance(tried, TryLater):
            break
    return tried


def request(
    client: Client, wanted: httpx.URL, address: str, *, method: str, headers: Mapping[str, str], body: bytes = b""
) -> httpx.Request:
    """A request to that checked address of the host that is wanted."""
    return httpx.Request(
        method,
        wanted.copy_with(host=address),
        content=body,
        headers={"user-agent": "Switchboard", **headers, "host": wanted.netloc.decode("ascii")},
        extensions={
            "sni_hostname": wanted.raw_host.decode("ascii"),  # the certificate is checked against the name
            "timeout": httpx.Timeout(client.timeout_s, connect=client.connect_s, pool=client.connect_s).as_dict(),
        },
    )


async def _exchange(client: Client, request: httpx.Request) -> Answered | TryLater | Unsure:
    try:
        async with asyncio.timeout(client.timeout_s * 3 / 4):
            response = await client.http.send(request, stream=True)
    except _NOTHING_WRITTEN:
        return TryLater("no-connection")
    except (httpx.TransportError, OSError) as error:
        return Unsure("timeout" if isinstance(error, httpx.TimeoutException | TimeoutError) else "connection-lost")
    body = b""
    try:
        async with asyncio.timeout(client.timeout_s / 8):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= ANSWER_MAX_BYTES:
                    break
    except (httpx.TransportError, OSError):
        body = b""  # the status has said what became of the request
    finally:
        await response.aclose()
    return Answered(response.status_code, response.headers, body[:ANSWER_MAX_BYTES])
