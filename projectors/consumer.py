"""Keeps one projection up to date, whatever becomes of its doorbell."""

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
from projectors.doorbells import Doorbell, Ring
from projectors.inbox import BATCH, Inbox

SHORTEST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
PATIENCE_S: Final = 0.1
"""How long events that do not concern a projection wait for others, to be passed together.

The broker hears so much later that they are done with: it sends no more than its prefetch ahead.
"""

DEAF_AFTER: Final = 3
"""Quiet seconds on end in which the log grew, until the doorbell is mistrusted."""

logger = logging.getLogger(__name__)


class Consumer:
    """One projection with its inbox and its doorbell."""

    def __init__(self, inbox: Inbox, doorbell: Doorbell) -> None:
        self._inbox = inbox
        self._doorbell = doorbell
        self._name = inbox.projection.name

    async def run(self) -> None:
        """Apply events until cancelled. Raises ``LogChanged`` and ``ProjectionOutdated``."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            try:
                position = await self._catch_up(await self._inbox.open())
                pause_s = SHORTEST_PAUSE_S
                await self._follow(position)
            except StoreUnavailable as error:
                logger.warning("%s: waiting for the database: %s", self._name, error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _follow(self, position: int) -> None:
        missed = 0
        while True:
            ring = await self._next_ring()
            before = position
            if ring.messages:
                reach(CrashPoint.PROJECTOR_AFTER_RECEIVE)
                position = await self._take(ring.messages)
            else:
                position = await self._catch_up(position)
            await ring.done()
            APPLIED_EVENTS.labels(self._name).inc(position - before)
            missed = missed + 1 if ring.quiet and position > before else 0
            if missed >= DEAF_AFTER:
                logger.warning("%s: the log grows and nothing rings", self._name)
                self._doorbell.mistrust()
                missed = 0

    async def _next_ring(self) -> Ring:
        """The next ring. Most events concern few projections: the others pass many at once."""
        loop = asyncio.get_running_loop()
        ring = await self._doorbell.wait()
        until = loop.time() + PATIENCE_S
        while ring.messages and not self._is_concerned(ring) and loop.time() < until:
            ring = ring.and_then(await self._doorbell.wait(until - loop.time()))
        return ring

    def _is_concerned(self, ring: Ring) -> bool:
        return any(self._inbox.projection.concerns(message.event) for message in ring.messages)

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
