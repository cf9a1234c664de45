"""The customers: they read what comes, and some of them write back once, over the same edge as before."""

import asyncio
import random

import httpx

from switchboard.seed.customers.kept import Kept
from switchboard.seed.edge import deliver
from switchboard.seed.plan import follow_up

_READS_S = (2.0, 6.0)


class People:
    """Everybody who wrote in the demo; `edge` is None where the desk takes no messages in."""

    def __init__(self, kept: Kept, edge: httpx.AsyncClient | None, secret: str) -> None:
        self._kept = kept
        self._edge = edge
        self._secret = secret
        self._writing: dict[str, asyncio.Task[None]] = {}
        """By the message's id, also when it was sent: nobody writes back twice."""

    def got(self, account: str, customer: str, text: str, key: str) -> None:
        """Show it to the customer, unless he has it already; `customer` is his address on that channel."""
        if self._kept.got(account, customer, text, key):
            self._perhaps_write_back(account, customer)

    def _perhaps_write_back(self, account: str, customer: str) -> None:
        number = _number(customer)
        wanted = follow_up(number) if number is not None else None
        if wanted is None or wanted.account != account or wanted.id in self._writing or self._edge is None:
            return
        self._writing[wanted.id] = asyncio.create_task(self._write_back(self._edge, number or 0, customer))

    async def _write_back(self, edge: httpx.AsyncClient, number: int, customer: str) -> None:
        """The same message however often this runs: the edge knows it by its id."""
        arrival = follow_up(number)
        assert arrival is not None
        await asyncio.sleep(random.uniform(*_READS_S))  # noqa: S311 - a play, no secret
        answer = await deliver(edge, arrival, self._secret)
        if answer is not None and answer.is_success:
            self._kept.wrote(arrival.account, customer, arrival.text)

    async def leave(self) -> None:
        """Whoever has not written yet does not."""
        for task in self._writing.values():
            task.cancel()
        await asyncio.gather(*self._writing.values(), return_exceptions=True)


def _number(customer: str) -> int | None:
    """The customer's number in `1007`, `customer-1007` or `customer-1007@…`."""
    digits = customer.partition("@")[0].removeprefix("customer-")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None
