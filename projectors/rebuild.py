"""Makes the read tables anew from the log, beside the live ones, and then switches.

Readers and projectors go on meanwhile. Nobody ever sees a half-filled table: the switch is one
transaction, in which the new tables are exactly as far as the log.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.log_scan import LogScan, scanned
from infrastructure.postgres import pool_of
from infrastructure.projection_bulk import BulkTables, bulk_tables
from infrastructure.projection_rows import Standing
from infrastructure.projection_store import ProjectionStore
from projectors.inbox import Inbox, ProjectorStopped
from projectors.projection import Projection
from projectors.replay import Replay, Replayed, Watcher, nobody, parked_rows
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import (
    READ_CHANNEL,
    parked_events,
    projection_positions,
    skipped_events,
)
from read_tables.tables import LIVE_SCHEMA

NEXT_SCHEMA: Final = "read_next"
NEXT_CHANNEL: Final = "qm_read_next"
"""Nobody listens here: what is not live yet wakes no reader."""

NEAR: Final = 500
"""Events behind the log at which the switch begins: it applies them while projectors wait."""

_BOOKKEEPING: Final = (projection_positions, parked_events, skipped_events)

logger = logging.getLogger(__name__)


class RebuildRefused(Exception):
    """The new tables are not what they should be; the live ones stay."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``events`` were replayed at once; the tables are now at ``position``."""

    events: int
    parked: int
    position: int


async def unfit(url: str, projections: Sequence[Projection] = PROJECTIONS) -> list[Projection]:
    """Those with rows that another version made, or of another log. ``url`` is the projector's."""
    async with pool_of(url, max_size=2) as pool, ProjectionStore(url, READ_CHANNEL) as store:
        log = LogReader(pool)
        return [one for one in projections if not await _fits(Inbox([one], store, log))]


async def _fits(inbox: Inbox) -> bool:
    try:
        await inbox.open()
    except ProjectorStopped:
        return False
    return True


async def rebuild(
    url: str,
    projections: Sequence[Projection] = PROJECTIONS,
    before_switch: Callable[[], None] | None = None,
    watcher: Watcher = nobody,
) -> Rebuilt:
    """Replace the tables of these projections. ``url`` is that of the role of the rebuild.

    Raises ``RebuildRefused`` and ``Busy``; either leaves the live tables as they are.
    ``before_switch`` is called when the new tables are ready.
    """
    tables = [owned.table for one in projections for owned in one.tables]
    async with (
        bulk_tables(url, NEXT_SCHEMA) as bulk,
        pool_of(url, max_size=2) as pool,
        ProjectionStore(url, NEXT_CHANNEL, schema=NEXT_SCHEMA) as store,
    ):
        await bulk.make([*tables, *_BOOKKEEPING])
        async with scanned(url) as scan:
            replayed = await _fill(bulk, scan, projections, watcher)
        await bulk.finish([*tables, *_BOOKKEEPING])
        await bulk.guard(tables)
        log = LogReader(pool)
        inbox = Inbox(projections, store, log)
        await _approach(inbox, log)
        if before_switch is not None:
            before_switch()
        position = await _switch(bulk, inbox, log)
        await bulk.drop(_BOOKKEEPING)
    logger.info("rebuilt %s at position %s", [one.name for one in projections], position)
    return Rebuilt(replayed.events, len(replayed.parked), position)


async def _fill(
    bulk: BulkTables, scan: LogScan, projections: Sequence[Projection], watcher: Watcher
) -> Replayed:
    epoch, head = await scan.head()
    skipped = await bulk.copy_skipped(LIVE_SCHEMA)
    replayed = await Replay(
        projections, bulk, {one.name: head for one in projections}, skipped
    ).run(scan, watcher)
    if replayed.events != head:
        raise RebuildRefused(f"the log ends at {head}, but {replayed.events} events were read")
    await bulk.copy(parked_events, list(parked_rows(replayed.parked, datetime.now(UTC))))
    for one in projections:
        await bulk.stand(one.name, Standing(one.version, epoch, head))
    return replayed


async def _approach(inbox: Inbox, log: LogReader) -> None:
    """Come so near to the log's end that the rest takes no time."""
    while True:
        _, head = await log.head()
        if await _catch_up(inbox, head) + NEAR >= (await log.head())[1]:
            return


async def _catch_up(inbox: Inbox, target: int) -> int:
    """Bring all projections to a position of the log, or past it. Returns where the last one is."""
    position = await inbox.open()
    while position < target:
        position = await inbox.catch_up()
    return position


async def _switch(bulk: BulkTables, inbox: Inbox, log: LogReader) -> int:
    names = [one.name for one in inbox.projections]
    tables = [owned.table for one in inbox.projections for owned in one.tables]
    async with bulk.transaction():
        await bulk.hold(LIVE_SCHEMA, names)
        _, head = await log.head()
        await _catch_up(inbox, head)
        standings = await bulk.standings()
        await bulk.replace(LIVE_SCHEMA, tables, names)
        for name in names:
            await bulk.announce(READ_CHANNEL, name, standings[name].position)
    return min(standings[name].position for name in names)
