"""Questions to the database that are asked together."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LANES: Final = 2
MOST: Final = 256


class Batcher(Generic[K, V]):
    """Collects the questions that arrive while others are under way, and asks them in one go.

    A question is sent after it was put, so no answer is older than its question. ``ask`` answers
    many keys at once; a key that it leaves out is answered with None. It keeps its own deadline:
    what it raises is raised to everybody whose question it was given.
    """

    def __init__(
        self,
        ask: Callable[[list[K]], Awaitable[Mapping[K, V]]],
        *,
        lanes: int = LANES,
        most: int = MOST,
    ) -> None:
        self._ask = ask
        self._idle = lanes
        self._most = most
        self._waiting: deque[tuple[K, asyncio.Future[V | None]]] = deque()
        self._turn: asyncio.Handle | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    async def get(self, key: K) -> V | None:
        """The answer to one question."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[V | None] = loop.create_future()
        self._waiting.append((key, answer))
        if self._turn is None and self._idle:
            self._turn = loop.call_soon(self._dispatch)
        return await answer

    def _dispatch(self) -> None:
        self._turn = None
        while self._idle and (batch := self._take()):
            self._idle -= 1
            task = asyncio.get_running_loop().create_task(self._carry(batch))
            self._under_way.add(task)
            task.add_done_callback(self._landed)

    def _take(self) -> dict[K, list[asyncio.Future[V | None]]]:
        batch: dict[K, list[asyncio.Future[V | None]]] = {}
        while self._waiting and len(batch) < self._most:
            key, answer = self._waiting.popleft()
            if not answer.done():
                batch.setdefault(key, []).append(answer)
        return batch

    async def _carry(self, batch: dict[K, list[asyncio.Future[V | None]]]) -> None:
        try:
            found = await self._ask(list(batch))
        except asyncio.CancelledError:
            for answer in _unanswered(batch):
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - raised to each of those who wait
            for answer in _unanswered(batch):
                answer.set_exception(error)
            return
        for key, answers in batch.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(found.get(key))

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._idle += 1
        if self._waiting and self._turn is None:
            self._dispatch()


def _unanswered(
    batch: Mapping[K, list[asyncio.Future[V | None]]],
) -> list[asyncio.Future[V | None]]:
    return [answer for answers in batch.values() for answer in answers if not answer.done()]
