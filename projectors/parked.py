"""Parked events: seen, tried again, or passed over for good."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from domain.ids import Id
from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres import pool_of
from infrastructure.projection_rows import ParkedEvent, RowsRefused
from infrastructure.projection_store import ProjectionStore, ProjectionTransaction, Wanted
from projectors.batches import Folded, Unfoldable, fold_one, park
from projectors.inbox import Inbox, Log, changes_of
from projectors.projection import Projection
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL


class NotParked(Exception):
    """There is no such parked event."""


@dataclass(frozen=True, slots=True)
class Retried:
    """``applied`` events are no longer parked, ``left`` still are, for the reason in ``error``."""

    applied: int
    left: int
    error: str | None = None


class Parking:
    """The parked events of all projections."""

    def __init__(
        self, store: ProjectionStore, log: Log, projections: Sequence[Projection] = PROJECTIONS
    ) -> None:
        self._store = store
        self._log = log
        self._projections = {one.name: one for one in projections}

    async def events(self) -> list[ParkedEvent]:
        """All of them, in the order of the log within each projection."""
        return await self._store.parked()

    async def retry(self, projection: str, aggregate_id: Id) -> Retried:
        """Apply the parked events of an aggregate in order, as far as that goes.

        Raises ``NotParked``.
        """
        async with self._transaction(projection) as transaction:
            return await self._retry(transaction, projection, aggregate_id)

    async def retry_all(self) -> list[Retried]:
        """The same for every aggregate that has parked events."""
        parked = {(event.projection, event.aggregate_id) for event in await self.events()}
        return [await self.retry(*one) for one in sorted(parked)]

    async def skip(self, projection: str, position: int) -> Retried:
        """Pass over a parked event, in every later replay too, and retry what comes after it.

        Raises ``NotParked``; also for an event that waits only for an earlier one of its aggregate.
        """
        async with self._transaction(projection) as transaction:
            aggregate_id = await transaction.aggregate_parked_at(projection, position)
            if aggregate_id is None:
                raise NotParked(f"{projection} has no parked event at position {position}")
            first = min(await transaction.positions_parked(projection, aggregate_id))
            if first != position:
                raise NotParked(f"the event at {position} waits for the one at {first}")
            await transaction.skip(projection, position)
            await transaction.unpark(projection, [position])
            return await self._retry(transaction, projection, aggregate_id)

    @asynccontextmanager
    async def _transaction(self, projection: str) -> AsyncIterator[ProjectionTransaction]:
        if projection not in self._projections:
            raise NotParked(f"there is no projection {projection}")
        inbox = Inbox([self._projections[projection]], self._store, self._log)
        async with self._store.transaction(pipelined=False) as transaction:
            standings = await inbox.lock(transaction)
            yield transaction
            await transaction.announce(projection, standings[projection].position)

    async def _retry(
        self, transaction: ProjectionTransaction, projection: str, aggregate_id: Id
    ) -> Retried:
        positions = await transaction.positions_parked(projection, aggregate_id)
        for applied, position in enumerate(positions):
            error = await self._apply(transaction, self._projections[projection], position)
            if error is not None:
                return Retried(applied, len(positions) - applied, error)
        return Retried(len(positions), 0)

    async def _apply(
        self, transaction: ProjectionTransaction, projection: Projection, position: int
    ) -> str | None:
        """Apply one event; else what is wrong with it."""
        (event,) = await self._log.read_after(position - 1, 1)
        try:
            async with transaction.savepoint():
                wanted = Wanted(
                    [projection.name], projection.tables, [event.aggregate_id], [position]
                )
                loaded = await transaction.load(wanted)
                rows = fold_one(projection, loaded.rows[event.aggregate_id], event)
                folded = Folded({event.aggregate_id: rows})
                await transaction.write(changes_of([(projection, folded)], loaded))
                await transaction.unpark(projection.name, [position])
        except (Unfoldable, RowsRefused) as error:
            await transaction.write([], [park(projection, event, str(error))])
            return str(error)
        return None


@asynccontextmanager
async def parking(url: str) -> AsyncIterator[Parking]:
    """The parked events of a database; ``url`` is that of the projector's role."""
    async with (
        pool_of(url, max_size=1) as pool,
        ProjectionStore(url, READ_CHANNEL, pool_size=1) as store,
    ):
        yield Parking(store, LogReader(pool))
