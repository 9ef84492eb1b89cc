"""The timer process: what is to be done because a time has come."""

import asyncio
import logging
from typing import Final

from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.clock import utc_now
from infrastructure.errors import InfrastructureError
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.postgres import pool_of
from infrastructure.settings import WorkerSettings
from workers.due import Process
from workers.processes.cancel_reservations_nobody_collected import (
    cancel_reservations_nobody_collected,
)
from workers.processes.expire_requisitions_past_their_date import (
    expire_requisitions_past_their_date,
)
from workers.processes.let_reminders_fall_due import let_reminders_fall_due
from workers.processes.mark_assignments_overdue import mark_assignments_overdue
from workers.processes.tell_who_is_to_collect import tell_who_is_to_collect

EVERY_S: Final = 10.0

PROCESSES: Final = (
    expire_requisitions_past_their_date,
    cancel_reservations_nobody_collected,
    tell_who_is_to_collect,
    mark_assignments_overdue,
    let_reminders_fall_due,
)

logger = logging.getLogger(__name__)


async def run(settings: WorkerSettings, every_s: float = EVERY_S) -> None:
    """Look every ``every_s`` at what is due, until cancelled."""
    url = settings.worker_database_url.get_secret_value()
    async with (
        pool_of(url, max_size=2) as pool,
        Writer(url) as writer,
        AllTenantsReader(url) as reader,
    ):
        commands = Commands(pool, writer, FactSource(pool).of)
        while True:
            for process in PROCESSES:
                await _look(process, reader, commands)
            await asyncio.sleep(every_s)


async def _look(process: Process, reader: AllTenantsReader, commands: Commands) -> None:
    try:
        given = await process.run(reader, commands, utc_now)
    except InfrastructureError as error:
        logger.warning("%s waits: %s", process.name, error)
        return
    if given:
        logger.info("%s: %s times", process.name, given)
