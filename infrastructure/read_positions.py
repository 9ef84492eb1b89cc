"""How far each projection is, known in memory, and those who wait for one to get further.

One connection listens. A projector announces ``<projection>:<position>``, of several with spaces
between, when it has committed; whoever waits for that position is woken by it. Nobody asks the
database again and again: the table is read once after each connect, for what was announced before.
"""

import asyncio
import heapq
import logging
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Final

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from infrastructure.deadlines import within

CONNECT_TIMEOUT_S: Final = 2
# A connection that says nothing for so long is asked whether it is still there.
SILENCE_S: Final = 10.0
CHECK_DEADLINE_S: Final = 3.0
LONGEST_PAUSE_S: Final = 5.0

_POSITIONS: Final = "SELECT projection, position FROM read.projection_positions"

logger = logging.getLogger(__name__)

Waiter = tuple[int, int, asyncio.Future[None]]


class ReadPositions:
    """The positions of all projections, and a queue of waiters for each."""

    def __init__(self, url: str, channel: str, silence_s: float = SILENCE_S) -> None:
        self._url = url
        self._channel = channel
        self._silence_s = silence_s
        self._positions: dict[str, int] = {}
        self._waiters: dict[str, list[Waiter]] = defaultdict(list)
        self._order = count()
        self._task: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    @property
    def is_listening(self) -> bool:
        """Whether announcements can be heard just now."""
        return self._listening.is_set()

    @property
    def waiting(self) -> int:
        """How many still wait."""
        queues = self._waiters.values()
        return sum(not woken.done() for queue in queues for _, _, woken in queue)

    async def start(self) -> None:
        """Begin to listen, in the background."""
        self._task = asyncio.create_task(self._listen_for_ever())

    async def close(self) -> None:
        """Stop listening."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=CHECK_DEADLINE_S)

    async def wait_until_listening(self, timeout_s: float) -> None:
        """Return once announcements can be heard. Raises ``TimeoutError``."""
        async with asyncio.timeout(timeout_s):
            await self._listening.wait()

    async def wait_for(self, projections: Sequence[str], position: int, timeout_s: float) -> bool:
        """Whether all ``projections`` have reached ``position`` within ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                for projection in projections:
                    await self._reached(projection, position)
        except TimeoutError:
            return False
        return True

    async def _reached(self, projection: str, position: int) -> None:
        if self._positions.get(projection, 0) >= position:
            return
        woken = asyncio.get_running_loop().create_future()
        # One who gives up stays in the queue until the position has come.
        heapq.heappush(self._waiters[projection], (position, next(self._order), woken))
        await woken

    def _announce(self, projection: str, position: int) -> None:
        position = max(position, self._positions.get(projection, 0))
        self._positions[projection] = position
        waiters = self._waiters[projection]
        while waiters and waiters[0][0] <= position:
            _, _, woken = heapq.heappop(waiters)
            if not woken.done():
                woken.set_result(None)

    async def _listen_for_ever(self) -> None:
        pause_s = 0.1
        while True:
            try:
                async with await self._connect() as connection:
                    pause_s = 0.1
                    await self._follow(connection)
            except (psycopg.Error, TimeoutError, OSError) as error:
                logger.warning("not listening for positions, trying again: %s", error)
            finally:
                self._listening.clear()
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _connect(self) -> AsyncConnection[TupleRow]:
        return await AsyncConnection.connect(
            self._url,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="quartermaster query positions",
        )

    async def _follow(self, connection: AsyncConnection[TupleRow]) -> None:
        listen = sql.SQL("LISTEN {}").format(sql.Identifier(self._channel))
        await within(CHECK_DEADLINE_S, connection.execute(listen))
        # After a restore they may be lower than they were.
        self._positions.clear()
        while True:
            await within(CHECK_DEADLINE_S, self._read_all(connection))
            self._listening.set()
            async for notice in connection.notifies(timeout=self._silence_s):
                for one in notice.payload.split():
                    projection, _, position = one.rpartition(":")
                    self._announce(projection, int(position))

    async def _read_all(self, connection: AsyncConnection[TupleRow]) -> None:
        cursor = await connection.execute(_POSITIONS)
        for projection, position in await cursor.fetchall():
            self._announce(projection, position)
