"""One way in for events, whoever rings: each is applied once, in the order of the log.

What was seen is dropped, a gap is read from the log, and rows and position are committed
together. So it does not matter what a broker loses, repeats or reorders.
"""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from domain.ids import Id
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Loaded, OwnedTable, Row, RowsRefused, Standing
from infrastructure.projection_store import ProjectionStore, ProjectionTransaction, Wanted
from projectors.batches import ATTEMPTS, Folded, fold_batch, park
from projectors.projection import Projection

BATCH: Final = 500
"""Events in one transaction, at most."""

logger = logging.getLogger(__name__)


class ProjectorStopped(Exception):
    """Nothing more can be applied until somebody has done something about it."""


class LogChanged(ProjectorStopped):
    """The rows come from another log than the one that is there; only a rebuild can help."""


class ProjectionOutdated(ProjectorStopped):
    """The rows were folded by another version of the projection; only a rebuild can help."""


class Log(Protocol):
    """The log, to read."""

    async def read_after(self, position: int, limit: int) -> list[RecordedEvent]:
        """The events after a position, in order, without a gap."""
        ...

    async def head(self) -> tuple[Id, int]:
        """The log's epoch and its last position."""
        ...


class Inbox:
    """Takes the events of one projection."""

    def __init__(self, projection: Projection, store: ProjectionStore, log: Log) -> None:
        self.projection = projection
        self._store = store
        self._log = log
        self._epoch: Id | None = None

    async def open(self) -> int:
        """Where the projection is. Raises ``LogChanged`` and ``ProjectionOutdated``.

        A projection that has never run begins at 0.
        """
        self._epoch, head = await self._log.head()
        async with self._store.transaction(self.projection.name) as transaction:
            standing = await transaction.lock(self._epoch, self.projection.version)
        self._check(standing)
        if standing.position > head:
            raise LogChanged(
                f"{self.projection.name} is at position {standing.position}, but the log ends at"
                f" {head}: the log was restored from a backup. Rebuild the read tables"
                " (quartermaster rebuild)."
            )
        return standing.position

    async def take(self, epoch: Id, events: Sequence[RecordedEvent]) -> int:
        """Apply what is new in these events of the log of ``epoch``. Returns the position then.

        They may come twice, out of order or with gaps. Those of another log are dropped.
        """
        if epoch != await self._present_epoch():
            logger.warning(
                "%s: dropped %s messages of another log", self.projection.name, len(events)
            )
            return await self._apply(())
        return await self._apply(sorted(events, key=lambda event: event.position))

    async def catch_up(self, limit: int = BATCH, *, after: int | None = None) -> int:
        """Apply the next events of the log, at most ``limit``. Returns the position then.

        ``after`` is where the projection is known to be; it is looked up if it is not given.
        """
        position = await self._apply(()) if after is None else after
        events = await self._log.read_after(position, limit)
        reach(CrashPoint.PROJECTOR_AFTER_READ)
        return await self._apply(events) if events else position

    async def _apply(self, events: Sequence[RecordedEvent]) -> int:
        try:
            return await self._in_one_go(events)
        except RowsRefused as refused:
            logger.warning(
                "%s: a batch was refused, trying its events one by one: %s",
                self.projection.name,
                refused,
            )
            return await self._one_by_one(events)

    async def _in_one_go(self, events: Sequence[RecordedEvent]) -> int:
        async with self._store.transaction(self.projection.name) as transaction:
            standing, loaded = await self._begin(transaction, events)
            fresh = await self._next(standing.position, events)
            if not fresh:
                return standing.position
            if not {event.position for event in fresh} <= {event.position for event in events}:
                loaded = await transaction.load(self._wanted(fresh))
            await self._fold_and_write(transaction, fresh, loaded)
            await transaction.move(fresh[-1].position)
            reach(CrashPoint.PROJECTOR_BEFORE_COMMIT)
        reach(CrashPoint.PROJECTOR_AFTER_COMMIT)
        return fresh[-1].position

    async def _one_by_one(self, events: Sequence[RecordedEvent]) -> int:
        """The same, so that only what is refused is put aside."""
        async with self._store.transaction(self.projection.name, pipelined=False) as transaction:
            standing = await self.lock(transaction)
            fresh = await self._next(standing.position, events)
            for event in fresh:
                await self._write_or_park(transaction, event)
            position = fresh[-1].position if fresh else standing.position
            await transaction.move(position)
        return position

    async def _write_or_park(
        self, transaction: ProjectionTransaction, event: RecordedEvent
    ) -> None:
        error = ""
        for _ in range(ATTEMPTS):
            try:
                async with transaction.savepoint():
                    loaded = await transaction.load(self._wanted([event]))
                    await self._fold_and_write(transaction, [event], loaded)
            except RowsRefused as refused:
                error = f"RowsRefused: {refused}"
            else:
                return
        await transaction.park([park(self.projection, event, error)])

    async def _begin(
        self, transaction: ProjectionTransaction, events: Sequence[RecordedEvent]
    ) -> tuple[Standing, Loaded]:
        """The lock, with what these events start from if they are the next ones."""
        wanted = self._wanted(events)
        if not wanted.positions:
            return await self.lock(transaction), Loaded({}, set(), set())
        epoch = await self._present_epoch()
        standing, loaded = await transaction.lock_and_load(epoch, self.projection.version, wanted)
        self._check(standing)
        return standing, loaded

    def _wanted(self, events: Sequence[RecordedEvent]) -> Wanted:
        concerned = self._concerned(events)
        return Wanted(
            tables=self.projection.tables,
            aggregates={event.aggregate_id for event in concerned},
            positions=[event.position for event in concerned],
        )

    def _concerned(self, events: Sequence[RecordedEvent]) -> list[RecordedEvent]:
        return [event for event in events if self.projection.concerns(event)]

    async def _fold_and_write(
        self, transaction: ProjectionTransaction, events: Sequence[RecordedEvent], loaded: Loaded
    ) -> None:
        wanted = [
            event for event in self._concerned(events) if event.position not in loaded.skipped
        ]
        folded = fold_batch(self.projection, loaded.rows, wanted, loaded.parked)
        await write_rows(transaction, self.projection.tables, loaded, folded)
        await transaction.park(folded.parked)

    async def lock(self, transaction: ProjectionTransaction) -> Standing:
        """Where the projection is; nobody else moves it until the transaction ends.

        Raises ``LogChanged`` and ``ProjectionOutdated``.
        """
        epoch = await self._present_epoch()
        standing = await transaction.lock(epoch, self.projection.version)
        self._check(standing)
        return standing

    async def _next(
        self, position: int, events: Sequence[RecordedEvent]
    ) -> Sequence[RecordedEvent]:
        """The events right after ``position``, without a gap: from these or from the log."""
        fresh: list[RecordedEvent] = []
        for event in events:
            if event.position > (fresh[-1].position if fresh else position):
                fresh.append(event)
        if not fresh or fresh[-1].position - position == len(fresh):
            return fresh
        return await self._log.read_after(position, min(fresh[-1].position - position, BATCH))

    async def _present_epoch(self) -> Id:
        if self._epoch is None:
            self._epoch, _ = await self._log.head()
        return self._epoch

    def _check(self, standing: Standing) -> None:
        if standing.epoch != self._epoch:
            raise LogChanged(
                f"{self.projection.name} was filled from another log than this one (epoch"
                f" {standing.epoch}, now {self._epoch}). Rebuild the read tables"
                " (quartermaster rebuild)."
            )
        if standing.version != self.projection.version:
            raise ProjectionOutdated(
                f"{self.projection.name} holds rows of version {standing.version}, this program"
                f" makes version {self.projection.version}. Rebuild it (quartermaster rebuild)."
            )


async def write_rows(
    transaction: ProjectionTransaction,
    tables: Sequence[OwnedTable],
    loaded: Loaded,
    folded: Folded,
) -> None:
    """Write what a batch has changed, table by table."""
    for owned in tables:
        changed: list[Row] = []
        gone: list[Row] = []
        for aggregate, after in folded.rows.items():
            before = loaded.rows[aggregate][owned.name]
            rows = after[owned.name]
            if rows is not before:
                changed.extend(rows)
                gone.extend(_missing(owned, before, rows))
        await transaction.write(owned, changed, gone)


def _missing(owned: OwnedTable, before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    if not before:
        return []
    left = {owned.key_of(row) for row in after}
    return [row for row in before if owned.key_of(row) not in left]
