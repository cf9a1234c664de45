"""Plays the demo's hour in a minute: providers deliver customers' messages, agents take, decline, miss and solve.

Everybody speaks to the desk from outside, over the same HTTP API as real ones.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from switchboard.seed.edge import deliver
from switchboard.seed.plan import HOUR_S, Arrival

HEARTBEAT_S = 5.0
AFTERWARDS_S = 20.0
"""How long agents go on after the last message while something still waits for them."""
_DECLINES = 0.08
_MISSES = 0.04
_SOLVES = 0.75
_LOOK_S = (0.3, 0.8)
_THINK_S = (0.3, 2.0)
_WORK_S = (4.0, 12.0)

Progress = Callable[[Counter[str]], None]


@dataclass
class Play:
    """What has happened so far, by word: accepted, refused, taken, declined, missed, solved."""

    progress: Progress
    counts: Counter[str] = field(default_factory=Counter)
    refusal: str = ""
    """The first answer of the edge that was none of 2xx, for the reader."""

    def note(self, word: str) -> None:
        """Count it and show it."""
        self.counts[word] += 1
        self.progress(self.counts)


async def play(
    hour: Sequence[Arrival],
    *,
    seconds: float,
    urls: Mapping[str, str],
    secret: str,
    keys: Mapping[str, str],
    progress: Progress,
) -> Play:
    """Deliver the hour's messages within `seconds` while every agent of `keys` works; gives what happened."""
    playing = Play(progress)
    over = asyncio.Event()
    async with httpx.AsyncClient(base_url=urls["ingest"], timeout=10, trust_env=False) as edge:
        agents = [
            asyncio.create_task(_work(playing, name, urls["gateway"], key, over), name=f"agent {name}")
            for name, key in keys.items()
        ]
        try:
            await _deliver(playing, edge, hour, seconds, secret)
            await _until_quiet(playing)
        finally:
            over.set()
            results = await asyncio.gather(*agents, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return playing


async def _deliver(
    playing: Play, edge: httpx.AsyncClient, hour: Sequence[Arrival], seconds: float, secret: str
) -> None:
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for arrival in hour:
            await asyncio.sleep(max(0.0, begun + arrival.at_s / HOUR_S * seconds - time.monotonic()))
            group.create_task(_post(playing, edge, arrival, secret))


async def _post(playing: Play, edge: httpx.AsyncClient, arrival: Arrival, secret: str) -> None:
    """Deliver it and count what came of it."""
    answer = await deliver(edge, arrival, secret)
    if answer is not None and answer.is_success:
        return playing.note("accepted")
    if answer is not None:
        playing.refusal = playing.refusal or f"{answer.url.path} answered {answer.status_code}: {answer.text[:300]}"
    return playing.note("refused")


async def _until_quiet(playing: Play) -> None:
    """Until nobody was asked for a while, at most AFTERWARDS_S."""
    deadline, last, since = time.monotonic() + AFTERWARDS_S, playing.counts.copy(), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < AFTERWARDS_S / 4:
        await asyncio.sleep(0.5)
        if playing.counts != last:
            last, since = playing.counts.copy(), time.monotonic()


async def _work(playing: Play, name: str, url: str, key: str, over: asyncio.Event) -> None:
    """One agent's hour: there, looking at offers, and off at the end with nothing begun left undone."""
    dice = random.Random(name)  # noqa: S311 - a play, no secret
    answered: set[str] = set()
    headers = {"authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False) as desk,
        asyncio.TaskGroup() as tasks,
    ):
        beat = float("-inf")
        while not over.is_set():
            if time.monotonic() - beat > HEARTBEAT_S:
                await _ask(desk, "PUT", "/v1/presence", {"presence": "available"})
                beat = time.monotonic()
            for offer in (await _ask(desk, "GET", "/v1/offers") or {}).get("items", []):
                if offer["id"] not in answered:
                    answered.add(offer["id"])
                    tasks.create_task(_answer(playing, desk, offer, dice))
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), dice.uniform(*_LOOK_S))
        await _ask(desk, "PUT", "/v1/presence", {"presence": "finishing"})


async def _answer(playing: Play, desk: httpx.AsyncClient, offer: dict[str, Any], dice: random.Random) -> None:
    """Take it, decline it, or not notice it; and mostly solve what was taken."""
    await asyncio.sleep(dice.uniform(*_THINK_S))
    mood = dice.random()
    if mood < _MISSES:
        return playing.note("missed")
    if mood < _MISSES + _DECLINES:
        declined = await _ask(desk, "POST", f"/v1/offers/{offer['id']}/decline", {"reason": "busy"})
        return playing.note("declined" if declined is not None else "too late")
    if await _ask(desk, "POST", f"/v1/offers/{offer['id']}/accept") is None:
        return playing.note("too late")
    playing.note("taken")
    if dice.random() < _SOLVES:
        await asyncio.sleep(dice.uniform(*_WORK_S))
        solved = await _ask(desk, "POST", f"/v1/tickets/{offer['ticket']}/state", {"state": "solved"})
        playing.note("solved" if solved is not None else "too late")
    return None


async def _ask(desk: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """The answer's JSON; None where it was refused or nobody answered: people try again by themselves."""
    try:
        answer = await desk.request(method, path, json=body)
    except httpx.HTTPError:
        return None
    if not answer.is_success:
        return None
    return answer.json() if answer.content else {}
