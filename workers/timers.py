"""The timer process: what is to be done because a time has come."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.errors import InfrastructureError
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.postgres import pool_of
from infrastructure.settings import WorkerSettings
from workers.processes.expire_requisitions_past_their_date import (
    expire_requisitions_past_their_date,
)

EVERY_S: Final = 10.0

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
            await _look(reader, commands)
            await asyncio.sleep(every_s)


async def _look(reader: AllTenantsReader, commands: Commands) -> None:
    try:
        expired = await expire_requisitions_past_their_date(reader, commands, _now)
    except InfrastructureError as error:
        logger.warning("what is due waits: %s", error)
        return
    if expired:
        logger.info("%s requisitions expired", expired)


def _now() -> datetime:
    return datetime.now(UTC)
