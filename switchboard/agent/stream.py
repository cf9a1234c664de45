"""What happens on the desk, heard from the live stream; whatever breaks, it connects again and misses nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from shared.errors import Refused
from switchboard.agent.signing_in import Me
from switchboard.desk_api import refusal

SILENT_S = 40
"""The desk says something at least every 15 s."""
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its name, such as `routing.offered`, and its body."""

    name: str
    body: dict[str, Any]


async def listen(me: Me) -> AsyncIterator[Told]:
    """Events without end; `away` where the connection broke. Raises Refused where the key is not taken any more."""
    last_id: str | None = None
    headers = {"authorization": f"Bearer {me.key}"}
    timeout = httpx.Timeout(10, read=SILENT_S)
    async with httpx.AsyncClient(base_url=me.url, timeout=timeout, trust_env=False) as client:
        while True:
            resume = {"last-event-id": last_id} if last_id else {}
            try:
                async with client.stream("GET", "/v1/stream", headers=headers | resume) as answer:
                    if answer.status_code in (401, 403):
                        await answer.aread()
                        raise Refused(str(refusal(answer)))
                    if answer.is_success:
                        async for id_, told in events(answer.aiter_lines()):
                            last_id = id_ or last_id
                            yield told
            except httpx.HTTPError:
                pass
            yield Told("away", {})
            await asyncio.sleep(AGAIN_S)


async def events(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str | None, Told]]:
    """The events in the lines of a stream (WHATWG HTML, "Server-sent events"), with their ids."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
            continue
        if "data" in fields:
            yield fields.get("id"), Told(fields.get("event", "message"), json.loads(fields["data"]))
        fields = {}
