"""Sends what waits, many at a time, tries again what failed, and gives up in the end."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_random_exponential,
)

from infrastructure.crash_points import CrashPoint, reach
from infrastructure.errors import StoreUnavailable
from infrastructure.log_bell import rung
from infrastructure.notifications.delivery_store import Claimed, ClaimLost, DeliveryStore
from infrastructure.notifications.outcomes import Never, NotNow, Outcome
from infrastructure.telemetry import DELIVERIES

POLL_S: Final = 1.0
FINISH_S: Final = 3.0
"""How long what is being sent may go on once the process is to stop."""

Send = Callable[[Claimed], Awaitable[Outcome]]
Told = Callable[[Claimed, Outcome], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often and how soon something is tried again.

    The pause before attempt n + 1 is ``first_s * factor ** (n - 1)``, at most ``longest_s``, a
    fifth more or less by chance; after ``attempts`` it is given up. The defaults take a day.
    """

    attempts: int = 10
    first_s: float = 5.0
    factor: float = 5.0
    longest_s: float = 6 * 3600.0

    def pause_s(self, attempt: int, outcome: NotNow) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        if attempt >= self.attempts:
            return None
        # The exponent is bounded before the power: a float that overflows is an error.
        pause_s = min(self.longest_s, self.first_s * self.factor ** min(attempt - 1, 30))
        pause_s *= random.uniform(0.8, 1.2)  # noqa: S311 - not a secret
        return max(pause_s, outcome.after_s or 0.0)


@dataclass(frozen=True, slots=True)
class Channel:
    """One way of sending: ``slots`` at a time.

    At most ``at_once`` go to one recipient, and ``of_tenant`` are one tenant's.
    ``claim_s`` is longer than a sending can take.
    """

    name: str
    send: Send
    settled: Told
    slots: int
    at_once: int
    of_tenant: int
    claim_s: float
    pace: Pace


class Deliverer:
    """Sends what waits in one channel. ``bell`` rings when there may be more."""

    def __init__(self, channel: Channel, store: DeliveryStore, bell: asyncio.Event) -> None:
        self._channel = channel
        self._store = store
        self._bell = bell
        self._slots = asyncio.Semaphore(channel.slots)
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send until cancelled; what is being sent then is finished, for a few seconds."""
        try:
            while True:
                await self._slots.acquire()
                claimed = await self._next()
                task = asyncio.create_task(self._deliver(claimed))
                self._under_way.add(task)
                task.add_done_callback(self._done)
        finally:
            await self._finish()

    async def _next(self) -> Claimed:
        channel = self._channel
        while True:
            try:
                claimed = await self._store.claim(
                    channel.name, channel.claim_s, channel.at_once, channel.of_tenant
                )
            except StoreUnavailable as error:
                logger.warning("what waits to be sent cannot be had: %s", error)
                claimed = None
            if claimed is not None:
                return claimed
            await rung(self._bell, POLL_S)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._slots.release()
        # One more may be due for the same recipient.
        self._bell.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a delivery ended by an error; it is tried again", exc_info=error)

    async def _finish(self) -> None:
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=FINISH_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=FINISH_S)

    async def _deliver(self, claimed: Claimed) -> None:
        reach(CrashPoint.NOTIFICATIONS_BEFORE_SEND)
        begun = time.monotonic()
        try:
            claimed.check()
            outcome = await self._sent(claimed)
        except ClaimLost as error:
            logger.warning("not sent: %s", error)
            return
        reach(CrashPoint.NOTIFICATIONS_AFTER_SEND)
        await self._settle(claimed, outcome, time.monotonic() - begun)

    async def _sent(self, claimed: Claimed) -> Outcome:
        """Send it. What no channel foresaw is a failure like any other: it must end, too."""
        try:
            return await self._channel.send(claimed)
        except (ClaimLost, StoreUnavailable):
            raise
        except Exception as error:
            logger.exception("%s %s ended by an error", self._channel.name, claimed.id)
            return NotNow(f"an error of ours: {type(error).__name__}")

    async def _recorded(
        self, claimed: Claimed, outcome: Outcome, took_s: float, pause_s: float | None
    ) -> None:
        """Record it, however long the database takes to come back: unrecorded, it goes again."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_random_exponential(multiplier=0.2, max=2.0),
            stop=stop_after_delay(self._channel.claim_s),
            reraise=True,
        ):
            with attempt:
                await self._store.settle(claimed, outcome, took_s, pause_s)

    async def _settle(self, claimed: Claimed, outcome: Outcome, took_s: float) -> None:
        pause_s = None
        if isinstance(outcome, NotNow):
            pause_s = self._channel.pace.pause_s(claimed.attempt, outcome)
        await self._recorded(claimed, outcome, took_s, pause_s)
        reach(CrashPoint.NOTIFICATIONS_AFTER_RECORD)
        DELIVERIES.labels(self._channel.name, type(outcome).__name__).inc()
        if isinstance(outcome, Never) or (isinstance(outcome, NotNow) and pause_s is None):
            logger.error(
                "%s %s of event %s is given up after %s attempts: %s",
                self._channel.name,
                claimed.id,
                claimed.position,
                claimed.attempt,
                outcome.error,
            )
        await self._channel.settled(claimed, outcome)
