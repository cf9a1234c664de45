"""Agents of the campaign: each answers what he holds, with one command that he sends until it is taken."""

import asyncio

import httpx

from tests.providers.callback import Callback
from tests.shop import Agent, Shop

EVERY_S = 0.4


class Agents:
    """Both agents at work; `far` shows what customers have received, by message."""

    def __init__(self, shop: Shop, far: Callback) -> None:
        self._shop = shop
        self.far = far
        self.answered: set[str] = set()
        """Messages whose command was answered with 201."""
        self._tickets: set[str] = set()

    async def run(self) -> None:
        """Answer steadily until cancelled; a command that was begun is carried to its end."""
        while True:
            for agent in self._shop.agents.values():
                await asyncio.shield(self._answer_one(agent))
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._shop.close()
        await self.far.stop()

    async def _answer_one(self, agent: Agent) -> None:
        try:
            query = {"assignee": agent.name, "state": "open", "limit": 20}
            found = await agent.client.get("/v1/tickets", params=query, timeout=3)
        except httpx.TransportError:
            return
        if not found.is_success:
            return
        waiting = [ticket["id"] for ticket in found.json()["items"] if ticket["id"] not in self._tickets]
        if waiting:
            await self._answer(agent, waiting[0])

    async def _answer(self, agent: Agent, ticket: str) -> None:
        self._tickets.add(ticket)
        while True:
            try:
                answer = await agent.client.post(
                    f"/v1/tickets/{ticket}/answers",
                    json={"text": f"Thank you for writing; this is about {ticket}."},
                    headers={"idempotency-key": f"answer-{ticket}"},
                    timeout=5,
                )
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.status_code == 201:
                self.answered.add(answer.json()["message"])
                return
            if answer.status_code == 404:
                return  # the ticket is one that a restore has forgotten, or is not here again yet
            assert answer.status_code in (503, 504), answer.text
            await asyncio.sleep(0.2)
