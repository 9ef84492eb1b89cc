"""The projector process: all projections, together."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.log_reader import LogReader
from infrastructure.log_bell import LogBell
from infrastructure.postgres import pool_of
from infrastructure.projection_store import ProjectionStore
from infrastructure.settings import ProjectorSettings
from infrastructure.task_groups import plainly
from infrastructure.telemetry import PARKED_EVENTS, PROJECTOR_LAG
from projectors.consumer import Consumer
from projectors.doorbells import BrokerDoorbell, Doorbell, LogDoorbell
from projectors.inbox import Inbox, ProjectorStopped
from projectors.projection import Projection
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL

MEASURE_S: Final = 5.0

logger = logging.getLogger(__name__)


async def run(settings: ProjectorSettings, projections: Sequence[Projection] = PROJECTIONS) -> None:
    """Keep the read tables up to date until cancelled. Raises ``ProjectorStopped``."""
    with plainly(ProjectorStopped):
        await _run(settings, projections)


async def _run(settings: ProjectorSettings, projections: Sequence[Projection]) -> None:
    url = settings.projector_database_url.get_secret_value()
    log_bell = LogBell(url)
    async with (
        pool_of(url, max_size=2) as pool,
        ProjectionStore(url, READ_CHANNEL, pool_size=2) as store,
        asyncio.TaskGroup() as tasks,
    ):
        log = LogReader(pool)
        tasks.create_task(log_bell.run())
        tasks.create_task(_measure(projections, store, log))
        consumer = Consumer(Inbox(projections, store, log), _doorbell(settings, log_bell, tasks))
        tasks.create_task(consumer.run())


def _doorbell(settings: ProjectorSettings, bell: LogBell, tasks: asyncio.TaskGroup) -> Doorbell:
    log = LogDoorbell(bell)
    if settings.amqp_url is None:
        return log
    broker = BrokerDoorbell(settings.amqp_url.get_secret_value(), log)
    tasks.create_task(broker.run())
    return broker


async def _measure(
    projections: Sequence[Projection], store: ProjectionStore, log: LogReader
) -> None:
    while True:
        try:
            _, head = await log.head()
            for projection in projections:
                standing = await store.measure(projection.name)
                PROJECTOR_LAG.labels(projection.name).set(head - standing.position)
                PARKED_EVENTS.labels(projection.name).set(standing.parked)
        except StoreUnavailable as error:
            logger.warning("the lag cannot be measured: %s", error)
        await asyncio.sleep(MEASURE_S)
