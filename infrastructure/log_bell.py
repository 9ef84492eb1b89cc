"""The log's own doorbell: it rings when events were appended. Missing a ring does no harm.

One connection listens for a whole process. Whoever waits also looks at the log by himself at
least once a second, so a connection that is lost costs latency and nothing else.
"""

import asyncio
import logging
from typing import Final

import psycopg
from psycopg import AsyncConnection, sql

from infrastructure.deadlines import within
from infrastructure.postgres import Connection, parameters

CHANNEL: Final = "qm_log"
CALL_TIMEOUT_S: Final = 5.0
SILENCE_S: Final = 10.0
"""A connection that has said nothing for so long is asked whether it is still there."""

LONGEST_PAUSE_S: Final = 5.0

logger = logging.getLogger(__name__)


class LogBell:
    """Rings all its listeners when the log grows. ``run`` must be running."""

    def __init__(self, url: str, channel: str = CHANNEL) -> None:
        self._url = url
        self._channel = channel
        self._listeners: set[asyncio.Event] = set()

    def listener(self) -> asyncio.Event:
        """An event that is set at each ring; whoever waits for it clears it first."""
        listener = asyncio.Event()
        self._listeners.add(listener)
        return listener

    async def run(self) -> None:
        """Listen until cancelled, connecting again as often as it takes."""
        pause_s = 0.1
        while True:
            try:
                async with await AsyncConnection.connect(self._url, **parameters()) as connection:
                    pause_s = 0.1
                    await self._follow(connection)
            except (psycopg.Error, TimeoutError, OSError) as error:
                logger.warning("not listening to the log, trying again: %s", error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _follow(self, connection: Connection) -> None:
        listen = sql.SQL("LISTEN {}").format(sql.Identifier(self._channel))
        while True:
            await within(CALL_TIMEOUT_S, connection.execute(listen))
            self._ring()
            async for _ in connection.notifies(timeout=SILENCE_S):
                self._ring()

    def _ring(self) -> None:
        for listener in self._listeners:
            listener.set()


async def rung(listener: asyncio.Event, timeout_s: float) -> bool:
    """Whether it rang within ``timeout_s``; the next ring counts anew."""
    try:
        async with asyncio.timeout(timeout_s):
            await listener.wait()
    except TimeoutError:
        return False
    listener.clear()
    return True
