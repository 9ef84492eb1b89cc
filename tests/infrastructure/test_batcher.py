"""Questions that are asked together are answered one by one."""

import asyncio
from collections.abc import Mapping

import pytest

from infrastructure.batcher import Batcher


class Asked:
    """A database that answers when it is let, and remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.free = asyncio.Event()
        self.failing: int | None = None

    async def __call__(self, keys: list[int]) -> Mapping[int, str]:
        self.batches.append(keys)
        await self.free.wait()
        if self.failing in keys:
            raise ConnectionError
        return {key: f"answer {key}" for key in keys if key >= 0}


async def _turn() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_what_arrives_while_a_question_is_under_way_is_asked_after_it() -> None:
    asked = Asked()
    batcher = Batcher(asked, lanes=1)
    first = asyncio.ensure_future(batcher.get(1))
    await _turn()
    later = [asyncio.ensure_future(batcher.get(key)) for key in (2, 3, 2, 1)]
    await _turn()
    assert asked.batches == [[1]]
    asked.free.set()
    assert await first == "answer 1"
    assert await asyncio.gather(*later) == ["answer 2", "answer 3", "answer 2", "answer 1"]
    assert asked.batches == [[1], [2, 3, 1]]


async def test_a_key_without_an_answer_is_answered_with_none() -> None:
    asked = Asked()
    asked.free.set()
    assert await Batcher(asked).get(-1) is None


async def test_no_more_than_the_most_are_asked_at_once() -> None:
    asked = Asked()
    asked.free.set()
    batcher = Batcher(asked, lanes=1, most=2)
    answers = await asyncio.gather(*(batcher.get(key) for key in range(5)))
    assert answers == [f"answer {key}" for key in range(5)]
    assert asked.batches == [[0, 1], [2, 3], [4]]


async def test_a_failure_reaches_everybody_it_concerns_and_nobody_else() -> None:
    asked = Asked()
    batcher = Batcher(asked, lanes=1)
    asked.failing = 1
    failing = [asyncio.ensure_future(batcher.get(key)) for key in (1, 2)]
    await _turn()
    after = asyncio.ensure_future(batcher.get(3))
    asked.free.set()
    for one in failing:
        with pytest.raises(ConnectionError):
            await one
    assert await after == "answer 3"


async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    asked = Asked()
    batcher = Batcher(asked, lanes=1)
    held = asyncio.ensure_future(batcher.get(0))
    await _turn()
    impatient, patient = (asyncio.ensure_future(batcher.get(1)) for _ in range(2))
    alone = asyncio.ensure_future(batcher.get(2))
    await _turn()
    impatient.cancel()
    alone.cancel()
    await _turn()
    asked.free.set()
    assert await patient == "answer 1"
    assert await held == "answer 0"
    assert asked.batches == [[0], [1]]
