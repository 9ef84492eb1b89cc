"""Keeps projections up to date, whatever becomes of their doorbell."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from domain.ids import Id
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.messages import LogMessage
from infrastructure.telemetry import APPLIED_EVENTS
from projectors.doorbells import Doorbell
from projectors.inbox import BATCH, Inbox

SHORTEST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
DEAF_AFTER: Final = 3
"""Quiet seconds on end in which the log grew, until the doorbell is mistrusted."""

logger = logging.getLogger(__name__)


class Consumer:
    """An inbox and its doorbell."""

    def __init__(self, inbox: Inbox, doorbell: Doorbell) -> None:
        self._inbox = inbox
        self._doorbell = doorbell

    async def run(self) -> None:
        """Apply events until cancelled. Raises ``LogChanged`` and ``ProjectionOutdated``."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            try:
                position = await self._catch_up(await self._inbox.open())
                pause_s = SHORTEST_PAUSE_S
                await self._follow(position)
            except StoreUnavailable as error:
                logger.warning("waiting for the database: %s", error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _follow(self, position: int) -> None:
        missed = 0
        while True:
            ring = await self._doorbell.wait()
            before = position
            if ring.messages:
                reach(CrashPoint.PROJECTOR_AFTER_RECEIVE)
                position = await self._take(ring.messages)
            else:
                position = await self._catch_up(position)
            await ring.done()
            self._count(position - before)
            missed = missed + 1 if ring.quiet and position > before else 0
            if missed >= DEAF_AFTER:
                logger.warning("the log grows and nothing rings")
                self._doorbell.mistrust()
                missed = 0

    def _count(self, applied: int) -> None:
        for projection in self._inbox.projections:
            APPLIED_EVENTS.labels(projection.name).inc(applied)

    async def _take(self, messages: Sequence[LogMessage]) -> int:
        by_epoch: defaultdict[Id, list[RecordedEvent]] = defaultdict(list)
        for message in messages:
            by_epoch[message.epoch].append(message.event)
        position = 0
        for epoch, events in by_epoch.items():
            position = await self._inbox.take(epoch, events)
        return position

    async def _catch_up(self, position: int) -> int:
        """Apply the log to its end."""
        while True:
            before = position
            position = await self._inbox.catch_up(after=before)
            if position - before < BATCH:
                return position
