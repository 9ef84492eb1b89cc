"""The relay: every event of the log goes to the broker, in order, at least once.

One relay leads, under a lease; the others wait. It publishes with many confirmations outstanding
and saves how far everything is confirmed. A leader that was paused and wakes up finds its lease
run out: it publishes no more, and its checkpoint is refused.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from domain.ids import Id
from infrastructure.broker import BrokerUnavailable, Publisher, Unroutable, publishing
from infrastructure.checkpoints import CheckpointStore
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.log_reader import LogReader, LogShorter
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.leases import Lease, LeaseLost
from infrastructure.log_bell import LogBell, rung
from infrastructure.postgres import pool_of
from infrastructure.settings import RelaySettings
from infrastructure.task_groups import leaves, plainly
from infrastructure.telemetry import RELAY_LAG, RELAY_LEADS, RELAY_STOPPED

LEASE: Final = "relay"
CONSUMER: Final = "relay"
IN_FLIGHT: Final = 200
"""Events published and not yet confirmed, at most."""

SAVE_EVERY_S: Final = 0.05
"""A checkpoint costs as much as several events. Those that are not in it are sent again."""

POLL_S: Final = 1.0
MEASURE_S: Final = 5.0
SHORTEST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InFlight:
    """An event on its way: ``confirmed`` ends when the broker has it."""

    position: int
    confirmed: asyncio.Task[None]


class Confirmed:
    """How far everything is confirmed, whatever else is."""

    def __init__(self) -> None:
        self._position = 0
        self._moved = asyncio.Event()

    async def follow(self, window: asyncio.Queue[InFlight]) -> None:
        """Move on as the events in flight are confirmed, in order, until cancelled."""
        while True:
            first = await window.get()
            await first.confirmed
            self._position = first.position
            self._moved.set()

    async def further(self) -> int:
        """The position, once it has moved since it was last asked for."""
        await self._moved.wait()
        self._moved.clear()
        return self._position


class Relay:
    """One relay process, leading or waiting."""

    def __init__(
        self, amqp_url: str, log: LogReader, bell: LogBell, checkpoints: CheckpointStore
    ) -> None:
        self._amqp_url = amqp_url
        self._log = log
        self._bell = bell
        self._checkpoints = checkpoints

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled. Raises ``LogShorter``."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            started_at = asyncio.get_running_loop().time()
            try:
                await self._lead_if_free()
            except* (LeaseLost, BrokerUnavailable, StoreUnavailable, Unroutable) as stopped:
                _tell(stopped)
            RELAY_LEADS.set(0)
            if asyncio.get_running_loop().time() - started_at > LONGEST_PAUSE_S:
                pause_s = SHORTEST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _lead_if_free(self) -> None:
        lease = await self._checkpoints.take_lease(LEASE)
        if lease is None:
            return
        logger.info("leading, under epoch %s of the lease", lease.epoch)
        RELAY_LEADS.set(1)
        try:
            await self._lead(lease)
        finally:
            await self._checkpoints.give_back(lease)

    async def _lead(self, lease: Lease) -> None:
        epoch, head = await self._log.head()
        position = await self._checkpoints.position(CONSUMER, epoch)
        if position > head:
            raise LogShorter("the relay is", position, head)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(lease))
            tasks.create_task(self._deliver(lease, epoch, position))

    async def _keep(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(lease.ttl_s / 3)
            await self._checkpoints.renew(lease)

    async def _deliver(self, lease: Lease, epoch: Id, position: int) -> None:
        async with publishing(self._amqp_url, epoch) as publisher, asyncio.TaskGroup() as tasks:
            window: asyncio.Queue[InFlight] = asyncio.Queue(IN_FLIGHT)
            confirmed = Confirmed()
            tasks.create_task(confirmed.follow(window))
            tasks.create_task(self._save(lease, epoch, confirmed))
            tasks.create_task(self._publish(lease, publisher, window, position, tasks))

    async def _publish(
        self,
        lease: Lease,
        publisher: Publisher,
        window: asyncio.Queue[InFlight],
        position: int,
        tasks: asyncio.TaskGroup,
    ) -> None:
        rings = self._bell.listener()
        while True:
            events = await self._log.read_after(position, IN_FLIGHT)
            if events:
                reach(CrashPoint.RELAY_AFTER_READ)
            for event in events:
                confirmed = tasks.create_task(_publish_one(lease, publisher, event))
                await window.put(InFlight(event.position, confirmed))
            if events:
                reach(CrashPoint.RELAY_AFTER_PUBLISH)
                position = events[-1].position
            if len(events) < IN_FLIGHT:
                await rung(rings, POLL_S)

    async def _save(self, lease: Lease, epoch: Id, confirmed: "Confirmed") -> None:
        while True:
            position = await confirmed.further()
            reach(CrashPoint.RELAY_AFTER_CONFIRM)
            await self._checkpoints.save(CONSUMER, epoch, position, lease)
            reach(CrashPoint.RELAY_AFTER_CHECKPOINT)
            await asyncio.sleep(SAVE_EVERY_S)

    async def measure(self) -> None:
        """Keep the metric of the lag up to date, leading or not, until cancelled."""
        while True:
            try:
                epoch, head = await self._log.head()
                RELAY_LAG.set(head - await self._checkpoints.position(CONSUMER, epoch))
            except StoreUnavailable as error:
                logger.warning("the lag cannot be measured: %s", error)
            await asyncio.sleep(MEASURE_S)


async def _publish_one(lease: Lease, publisher: Publisher, event: RecordedEvent) -> None:
    lease.check()
    await publisher.publish(event)


def _tell(stopped: BaseExceptionGroup[Exception]) -> None:
    for kind, message in {type(error).__name__: str(error) for error in leaves(stopped)}.items():
        RELAY_STOPPED.labels(kind).inc()
        logger.error("publishing stopped, trying again: %s: %s", kind, message)


async def run(settings: RelaySettings) -> None:
    """Be a relay until cancelled. Raises ``LogShorter``."""
    with plainly(LogShorter):
        await _run(settings)


async def _run(settings: RelaySettings) -> None:
    url = settings.relay_database_url.get_secret_value()
    bell = LogBell(url)
    async with pool_of(url, max_size=3) as pool, asyncio.TaskGroup() as tasks:
        checkpoints = CheckpointStore(pool, settings.relay_lease_s)
        relay = Relay(settings.amqp_url.get_secret_value(), LogReader(pool), bell, checkpoints)
        tasks.create_task(bell.run())
        tasks.create_task(relay.run())
        tasks.create_task(relay.measure())
