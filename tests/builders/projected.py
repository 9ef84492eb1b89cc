"""Read tables that are up to date with the log."""

from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres import pool_of
from infrastructure.projection_store import ProjectionStore
from projectors.inbox import Inbox
from projectors.projection import Projection
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL
from tests.fixtures.postgres import Database


async def follow(database: Database, projections: tuple[Projection, ...] = PROJECTIONS) -> None:
    """Bring all projections to the end of the log, as the projector does."""
    url = database.url("projector")
    async with pool_of(url) as pool, ProjectionStore(url, READ_CHANNEL) as store:
        log = LogReader(pool)
        _, head = await log.head()
        inbox = Inbox(projections, store, log)
        await inbox.open()
        while await inbox.catch_up(50) < head:
            pass
