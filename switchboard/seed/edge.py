"""How a provider delivers to the edge: again and again until it is taken, or refused for good."""

import asyncio
import time

import httpx

from switchboard.seed.plan import Arrival
from switchboard.seed.providers import delivery

_REDELIVERIES = 30


async def deliver(edge: httpx.AsyncClient, arrival: Arrival, secret: str) -> httpx.Response | None:
    """The answer that settled it: 2xx is done, 4xx is final; None where nothing else came, however often."""
    for attempt in range(_REDELIVERIES):
        sent = delivery(arrival, secret, int(time.time()))
        try:
            answer = await edge.post(sent.path, content=sent.body, headers=sent.headers)
        except httpx.HTTPError:
            answer = None
        if answer is not None and (answer.is_success or answer.is_client_error):
            return answer
        await asyncio.sleep(min(5.0, 0.5 * 2**attempt))
    return None
