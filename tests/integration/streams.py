"""A client of the live stream, as a console is one: hears events, remembers the last id, connects again."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.eventually import eventually


@dataclass
class Ear:
    """What one client heard, over all its connections."""

    key: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    last_id: str | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, event: str) -> list[dict[str, Any]]:
        """The bodies of the events of this name."""
        return [body for name, body in self.events if name == event]

    def subjects(self) -> set[str]:
        """What the events were about."""
        return {body["subject"] for _, body in self.events if "subject" in body}

    async def until(self, event: str, count: int = 1, timeout_s: float = 15) -> list[dict[str, Any]]:
        """The events of this name once there are so many."""

        async def enough() -> list[dict[str, Any]]:
            found = self.heard(event)
            return found if len(found) >= count else []

        return await eventually(enough, timeout_s=timeout_s, what=f"{count} of {event}")

    @asynccontextmanager
    async def listening(self, url: str, *, resume: bool = True) -> AsyncIterator["Ear"]:
        """Connected to a replica; going on after the last event that was heard."""
        headers = {"authorization": f"Bearer {self.key}"}
        if resume and self.last_id is not None:
            headers["last-event-id"] = self.last_id
        self.ended.clear()
        hellos = len(self.heard("hello"))
        listening = asyncio.create_task(self._listen(url, headers))
        try:
            await self.until("hello", hellos + 1)
            yield self
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening

    async def _listen(self, url: str, headers: dict[str, str]) -> None:
        try:
            async with (
                httpx.AsyncClient(base_url=url, headers=headers, timeout=httpx.Timeout(20, read=40)) as client,
                client.stream("GET", "/v1/stream") as answer,
            ):
                assert answer.status_code == 200, answer.status_code
                await self._read(answer.aiter_lines())
        except httpx.TransportError:
            pass
        finally:
            self.ended.set()

    async def _read(self, lines: AsyncIterator[str]) -> None:
        fields: dict[str, str] = {}
        async for line in lines:
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                self.last_id = fields.get("id", self.last_id)
                self.events.append((fields["event"], json.loads(fields["data"])))
                fields = {}
