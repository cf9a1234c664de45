"""Commands that come together share a batch; one that fails fails alone."""

import asyncio
from collections.abc import Sequence

import pytest

from shared.gathering import MOST, Gathering


class Bank:
    """Doubles numbers in batches; what is told to fail takes its whole batch along."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def together(self, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        await self.gate.wait()
        if 13 in numbers:
            raise RuntimeError("thirteen")
        return [ValueError(number) if number < 0 else 2 * number for number in numbers]


async def test_what_comes_while_a_batch_runs_goes_together_in_the_next() -> None:
    bank = Bank()
    gathering = Gathering(bank.together, lane=lambda _: None)
    bank.gate.clear()
    first = asyncio.create_task(gathering.run(1))
    await asyncio.sleep(0.01)
    others = [asyncio.create_task(gathering.run(number)) for number in range(2, 6)]
    await asyncio.sleep(0.01)
    bank.gate.set()
    assert [await first, *[await other for other in others]] == [2, 4, 6, 8, 10]
    assert bank.batches == [[1], [2, 3, 4, 5]]


async def test_lanes_do_not_wait_for_each_other() -> None:
    bank = Bank()
    gathering = Gathering(bank.together, lane=lambda number: number % 2)
    assert await asyncio.gather(*map(gathering.run, range(4))) == [0, 2, 4, 6]
    assert sorted(bank.batches) == [[0, 2], [1, 3]]


async def test_a_refusal_is_its_own_commands_alone() -> None:
    gathering = Gathering(Bank().together, lane=lambda _: None)
    results = await asyncio.gather(*map(gathering.run, (1, -1, 2)), return_exceptions=True)
    assert results[0] == 2
    assert isinstance(results[1], ValueError)
    assert results[2] == 4


async def test_where_a_batch_fails_only_the_culprit_does() -> None:
    bank = Bank()
    gathering = Gathering(bank.together, lane=lambda _: None)
    results = await asyncio.gather(*map(gathering.run, (1, 13, 2)), return_exceptions=True)
    assert (results[0], results[2]) == (2, 4)
    assert isinstance(results[1], RuntimeError)
    assert bank.batches == [[1, 13, 2], [1], [13], [2]]


async def test_a_batch_is_bounded() -> None:
    bank = Bank()
    gathering = Gathering(bank.together, lane=lambda _: None)
    await asyncio.gather(*map(gathering.run, range(20, 21 + 2 * MOST)))
    assert [len(batch) for batch in bank.batches] == [MOST, MOST, 1]


async def test_a_caller_that_went_away_holds_up_nobody() -> None:
    bank = Bank()
    gathering = Gathering(bank.together, lane=lambda _: None)
    bank.gate.clear()
    gone, stays = asyncio.create_task(gathering.run(1)), asyncio.create_task(gathering.run(2))
    await asyncio.sleep(0.01)
    gone.cancel()
    bank.gate.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
