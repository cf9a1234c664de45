"""Waiting for what happens on its own time: until it is so, with a deadline, never by sleeping for luck."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(ask: Callable[[], Awaitable[T]], *, timeout_s: float = 30, what: str = "it") -> T:
    """Ask until the answer is truthy and give it; fail with the last answer after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = await ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {timeout_s} s; last: {answer!r}")
        await asyncio.sleep(0.1)
