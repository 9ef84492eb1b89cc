"""Fills empty tables from the whole log, one aggregate at a time."""

import gc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

from infrastructure.event_store.log_scan import LogScan
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_bulk import BulkTables
from infrastructure.projection_rows import OwnedTable, ParkedEvent, Row
from projectors.batches import fold_batch
from projectors.projection import Projection
from read_tables.positions import parked_events

CHUNK: Final = 2_000
"""Rows that are written with one COPY."""

Watcher = Callable[[int, int], None]
"""Is told how many events have been read, and how many there are."""


def nobody(_read: int, _of: int) -> None:
    """The watcher where nobody watches."""


@dataclass(slots=True)
class Replayed:
    """What a replay has done: the events it read, and those that it parked."""

    events: int = 0
    parked: list[ParkedEvent] = field(default_factory=list)


class Replay:
    """Folds a log into the tables of one schema.

    ``upto`` gives the last position for each projection, ``skipped`` the (projection, position)
    pairs that somebody decided to pass over.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        bulk: BulkTables,
        upto: Mapping[str, int],
        skipped: Collection[tuple[str, int]],
    ) -> None:
        self._projections = projections
        self._bulk = bulk
        self._upto = upto
        self._skipped = skipped
        self._waiting: dict[str, tuple[OwnedTable, list[Row]]] = {
            owned.name: (owned, []) for one in projections for owned in one.tables
        }
        self._done = Replayed()

    async def run(self, scan: LogScan, watcher: Watcher = nobody) -> Replayed:
        """Read the log to the end and write all rows."""
        left: list[RecordedEvent] = []
        head = max(self._upto.values())
        with _collector_paused():
            async for chunk in scan.read(head):
                self._done.events += len(chunk)
                watcher(self._done.events, head)
                whole, left = _whole_aggregates([*left, *chunk])
                await self._fold(whole)
            await self._fold(left)
            await self._write(at_least=1)
        return self._done

    async def _fold(self, events: Sequence[RecordedEvent]) -> None:
        for _, stream in groupby(events, attrgetter("originator_id")):
            history = list(stream)
            for projection in self._projections:
                self._fold_one(projection, history)
        await self._write(at_least=CHUNK)

    def _fold_one(self, projection: Projection, history: Sequence[RecordedEvent]) -> None:
        if not projection.concerns(history[0]):
            return
        upto = self._upto[projection.name]
        events = [
            event
            for event in history
            if event.position <= upto and (projection.name, event.position) not in self._skipped
        ]
        empty = {owned.name: () for owned in projection.tables}
        folded = fold_batch(projection, {history[0].aggregate_id: empty}, events)
        self._done.parked.extend(folded.parked)
        for rows in folded.rows.values():
            for owned in projection.tables:
                self._waiting[owned.name][1].extend(rows[owned.name])

    async def _write(self, at_least: int) -> None:
        for owned, rows in self._waiting.values():
            if len(rows) >= at_least:
                await self._bulk.copy(owned.table, rows)
                rows.clear()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Rows make no cycles, and looking for some takes a third of the time of a replay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parked_rows(events: Sequence[ParkedEvent], at: datetime) -> Iterator[Row]:
    """Events that are parked at this time, as rows of their table."""
    names = [str(column.name) for column in parked_events.columns]
    for event in events:
        yield {**{name: getattr(event, name) for name in names}, "parked_at": at}


def _whole_aggregates(
    events: list[RecordedEvent],
) -> tuple[list[RecordedEvent], list[RecordedEvent]]:
    """All but the last aggregate, of which there may be more to come; and that one."""
    last = events[-1].originator_id
    cut = next(
        index
        for index in range(len(events) - 1, -2, -1)
        if index < 0 or events[index].originator_id != last
    )
    return events[: cut + 1], events[cut + 1 :]
