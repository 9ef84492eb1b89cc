"""Commands of one process on one aggregate, one after the other instead of against each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from domain.ids import Id


class Turns:
    """A queue per aggregate that is being waited for."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Id, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def on(self, id: Id | None, deadline: float) -> AsyncIterator[None]:
        """Wait for one's turn on ``id``. Raises ``TimeoutError`` at ``deadline`` (loop time)."""
        if id is None:
            yield
            return
        lock = self._locks.get(id)
        if lock is None:
            lock = self._locks[id] = asyncio.Lock()
        async with asyncio.timeout_at(deadline):
            await lock.acquire()
        try:
            yield
        finally:
            lock.release()
