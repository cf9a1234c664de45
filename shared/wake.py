"""How a loop learns at once that there is work: whoever commits a row wakes it; other processes' rows it polls."""

import asyncio
import contextlib


class Wake:
    """One for each loop of a process."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def now(self) -> None:
        """Rows were committed, or a try has ended."""
        self._event.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait to be woken, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), timeout_s)
        self._event.clear()
