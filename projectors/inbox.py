"""One way in for events, whoever rings: each is applied once, in the order of the log.

What was seen is dropped, a gap is read from the log, and rows and positions are committed
together. So it does not matter what a broker loses, repeats or reorders.

Projections move together: one transaction holds what a batch has made of all of them. Where the
rows of one are refused, its table cannot be had, or one is far behind, each moves by itself.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from domain.ids import Id
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.errors import TableUnavailable
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Change, Loaded, OwnedTable, Row, RowsRefused, Standing
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


class _Apart(Exception):
    """Projections are too far apart to be brought on with the same events."""


class Inbox:
    """Takes the events of projections."""

    def __init__(self, projections: Sequence[Projection], store: ProjectionStore, log: Log) -> None:
        self.projections = projections
        self._versions = {one.name: one.version for one in projections}
        self._store = store
        self._log = log
        self._epoch: Id | None = None
        self._alone = (
            [Inbox([one], store, log) for one in projections] if len(projections) > 1 else []
        )

    async def open(self) -> int:
        """Where the hindmost projection is. Raises ``LogChanged`` and ``ProjectionOutdated``.

        A projection that has never run begins at 0.
        """
        self._epoch, head = await self._log.head()
        async with self._store.transaction() as transaction:
            standings = await self.lock(transaction)
        for name, standing in standings.items():
            if standing.position > head:
                raise LogChanged(
                    f"{name} is at position {standing.position}, but the log ends at {head}: the"
                    " log was restored from a backup. Rebuild the read tables (quartermaster"
                    " rebuild)."
                )
        return _hindmost(standings)

    async def take(self, epoch: Id, events: Sequence[RecordedEvent]) -> int:
        """Apply what is new in these events of the log of ``epoch``.

        They may come twice, out of order or with gaps. Those of another log are dropped. Returns
        where the hindmost projection is then.
        """
        if epoch != await self._present_epoch():
            logger.warning("dropped %s messages of another log", len(events))
            return await self._apply(())
        return await self._apply(sorted(events, key=lambda event: event.position))

    async def catch_up(self, limit: int = BATCH, *, after: int | None = None) -> int:
        """Apply the next events of the log, at most ``limit``.

        ``after`` is where the hindmost projection is known to be; it is looked up if it is not
        given. Returns where it is then.
        """
        position = await self._apply(()) if after is None else after
        events = await self._log.read_after(position, limit)
        reach(CrashPoint.PROJECTOR_AFTER_READ)
        return await self._apply(events) if events else position

    async def lock(self, transaction: ProjectionTransaction) -> Mapping[str, Standing]:
        """Where the projections are; nobody else moves them until the transaction ends.

        Raises ``LogChanged`` and ``ProjectionOutdated``.
        """
        standings = await transaction.lock(await self._present_epoch(), self._versions)
        self._check(standings)
        return standings

    async def _apply(self, events: Sequence[RecordedEvent]) -> int:
        try:
            return await self._in_one_go(events)
        except _Apart:
            return await self._each(Inbox.catch_up)
        except RowsRefused as refused:
            if not self._alone:
                name = self.projections[0].name
                logger.warning("%s: a batch was refused, trying one by one: %s", name, refused)
                return await self._one_by_one(self.projections[0], events)
            logger.warning("a batch was refused, trying each projection alone: %s", refused)
        except TableUnavailable as unavailable:
            if not self._alone:
                raise
            logger.warning("a table cannot be had, trying each projection alone: %s", unavailable)
        epoch = await self._present_epoch()
        return await self._each(lambda alone: alone.take(epoch, events))

    async def _each(self, turn: Callable[["Inbox"], Awaitable[int]]) -> int:
        """Give each projection its turn alone. A table that one lacks is told of after that."""
        positions: list[int] = []
        failures: list[TableUnavailable] = []
        for alone in self._alone:
            try:
                positions.append(await turn(alone))
            except TableUnavailable as unavailable:
                failures.append(unavailable)
        if failures:
            raise failures[0]
        return min(positions)

    async def _in_one_go(self, events: Sequence[RecordedEvent]) -> int:
        async with self._store.transaction() as transaction:
            standings, loaded = await self._begin(transaction, events)
            fresh = await self._next(_hindmost(standings), events)
            if not fresh:
                return _hindmost(standings)
            _check_together(standings)
            if not {event.position for event in fresh} <= {event.position for event in events}:
                loaded = await transaction.load(self._wanted(fresh))
            position = fresh[-1].position
            folded = [
                (one, _fold(one, _after(standings[one.name], fresh), loaded))
                for one in self.projections
            ]
            parked = [event for _, each in folded for event in each.parked]
            changes = changes_of(folded, loaded)
            await transaction.write_and_move(changes, parked, self._versions, position)
            reach(CrashPoint.PROJECTOR_BEFORE_COMMIT)
        reach(CrashPoint.PROJECTOR_AFTER_COMMIT)
        return position

    async def _one_by_one(self, projection: Projection, events: Sequence[RecordedEvent]) -> int:
        """The same, so that only what is refused is put aside."""
        async with self._store.transaction(pipelined=False) as transaction:
            position = _hindmost(await self.lock(transaction))
            fresh = await self._next(position, events)
            for event in fresh:
                await self._write_or_park(transaction, projection, event)
            if fresh:
                position = fresh[-1].position
                await transaction.write_and_move([], [], [projection.name], position)
        return position

    async def _write_or_park(
        self, transaction: ProjectionTransaction, projection: Projection, event: RecordedEvent
    ) -> None:
        error = ""
        for _ in range(ATTEMPTS):
            try:
                async with transaction.savepoint():
                    loaded = await transaction.load(self._wanted([event]))
                    folded = _fold(projection, [event], loaded)
                    changes = changes_of([(projection, folded)], loaded)
                    await transaction.write(changes, folded.parked)
            except RowsRefused as refused:
                error = f"RowsRefused: {refused}"
            else:
                return
        await transaction.write([], [park(projection, event, error)])

    async def _begin(
        self, transaction: ProjectionTransaction, events: Sequence[RecordedEvent]
    ) -> tuple[Mapping[str, Standing], Loaded]:
        """The lock, with what these events start from if they are the next ones."""
        wanted = self._wanted(events)
        if not wanted.positions:
            return await self.lock(transaction), Loaded({}, set(), set())
        epoch = await self._present_epoch()
        standings, loaded = await transaction.lock_and_load(epoch, self._versions, wanted)
        self._check(standings)
        return standings, loaded

    def _wanted(self, events: Sequence[RecordedEvent]) -> Wanted:
        concerned = [one for one in self.projections if any(map(one.concerns, events))]
        theirs = [event for event in events if any(one.concerns(event) for one in concerned)]
        return Wanted(
            projections=[one.name for one in concerned],
            tables=[owned for one in concerned for owned in one.tables],
            aggregates={event.aggregate_id for event in theirs},
            positions=[event.position for event in theirs],
        )

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

    def _check(self, standings: Mapping[str, Standing]) -> None:
        for name, standing in standings.items():
            if standing.epoch != self._epoch:
                raise LogChanged(
                    f"{name} was filled from another log than this one (epoch {standing.epoch},"
                    f" now {self._epoch}). Rebuild the read tables (quartermaster rebuild)."
                )
            if standing.version != self._versions[name]:
                raise ProjectionOutdated(
                    f"{name} holds rows of version {standing.version}, this program makes version"
                    f" {self._versions[name]}. Rebuild it (quartermaster rebuild)."
                )


def changes_of(folded: Iterable[tuple[Projection, Folded]], loaded: Loaded) -> list[Change]:
    """What batches have changed, table by table."""
    changes = [
        _change(owned, each, loaded) for projection, each in folded for owned in projection.tables
    ]
    return [change for change in changes if change.rows or change.gone]


def _change(owned: OwnedTable, folded: Folded, loaded: Loaded) -> Change:
    changed: list[Row] = []
    gone: list[Row] = []
    for aggregate, after in folded.rows.items():
        before = loaded.rows[aggregate][owned.name]
        rows = after[owned.name]
        if rows is not before:
            changed.extend(rows)
            gone.extend(_missing(owned, before, rows))
    return Change(owned, changed, gone)


def _missing(owned: OwnedTable, before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    if not before:
        return []
    left = {owned.key_of(row) for row in after}
    return [row for row in before if owned.key_of(row) not in left]


def _fold(projection: Projection, events: Sequence[RecordedEvent], loaded: Loaded) -> Folded:
    name = projection.name
    wanted = [
        event
        for event in events
        if projection.concerns(event) and (name, event.position) not in loaded.skipped
    ]
    parked = {aggregate for projection, aggregate in loaded.parked if projection == name}
    return fold_batch(projection, loaded.rows, wanted, parked)


def _after(standing: Standing, events: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
    return [event for event in events if event.position > standing.position]


def _hindmost(standings: Mapping[str, Standing]) -> int:
    return min(standing.position for standing in standings.values())


def _check_together(standings: Mapping[str, Standing]) -> None:
    """Raises ``_Apart`` where the foremost would wait for many batches of the hindmost."""
    if max(standing.position for standing in standings.values()) > _hindmost(standings) + BATCH:
        raise _Apart
