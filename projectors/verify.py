"""The invariant: every read table equals a fresh replay of the log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Table

from infrastructure.event_store.log_scan import LogScan, scanned
from infrastructure.projection_bulk import BulkTables, Digest, bulk_tables, snapshot
from infrastructure.projection_rows import Standing
from projectors.projection import Projection
from projectors.replay import Replay, Replayed, Watcher, nobody
from projectors.subscriptions import PROJECTIONS
from read_tables.tables import LIVE_SCHEMA

CHECK_SCHEMA: Final = "read_check"
SHOWN: Final = 20
"""Differing rows that are named, for each table."""


@dataclass(slots=True)
class Verification:
    """What a check found. ``head`` is the log's end, ``positions`` where each projection was."""

    head: int
    positions: dict[str, int]
    differences: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    @property
    def is_complete(self) -> bool:
        """Whether every projection was at the end of the log."""
        return all(position == self.head for position in self.positions.values())


@dataclass(frozen=True, slots=True)
class _Live:
    standings: dict[str, Standing]
    parked: set[tuple[str, int]]
    skipped: set[tuple[str, int]]
    digests: dict[str, Digest]


async def verify(
    url: str, projections: Sequence[Projection] = PROJECTIONS, watcher: Watcher = nobody
) -> Verification:
    """Hold the live tables against a replay, each projection at the position where it is.

    ``url`` is that of the role of the rebuild. Raises ``Busy`` where another check is running.
    """
    tables = [owned.table for one in projections for owned in one.tables]
    async with (
        bulk_tables(url, CHECK_SCHEMA) as check,
        snapshot(url, LIVE_SCHEMA) as live,
        scanned(url) as scan,
    ):
        seen = await _look_at(live, projections, tables)
        epoch, head = await scan.head()
        positions = {
            one.name: seen.standings[one.name].position if one.name in seen.standings else 0
            for one in projections
        }
        result = Verification(head, positions)
        result.differences += await _unsound(scan)
        result.differences += _misplaced(projections, seen.standings, epoch, head)
        await check.make(tables)
        replayed = await Replay(projections, check, positions, seen.skipped).run(scan, watcher)
        result.differences += _parked_otherwise(seen, replayed)
        for table in tables:
            if await check.digest(table) != seen.digests[table.name]:
                result.differences += await _differing(table, live, check)
        await check.drop(tables)
    return result


async def _look_at(
    live: BulkTables, projections: Sequence[Projection], tables: Sequence[Table]
) -> _Live:
    return _Live(
        standings=await live.standings(),
        parked=await live.parked([one.name for one in projections]),
        skipped=await live.skipped(),
        digests={table.name: await live.digest(table) for table in tables},
    )


async def _unsound(scan: LogScan) -> list[str]:
    soundness = await scan.soundness()
    found = []
    if not soundness.positions:
        found.append("the log's positions do not run from 1 to its head")
    if not soundness.versions:
        found.append("the versions of a stream do not run from 1 to its last")
    return found


def _misplaced(
    projections: Sequence[Projection], standings: dict[str, Standing], epoch: str, head: int
) -> list[str]:
    found = []
    for one in projections:
        standing = standings.get(one.name, Standing(one.version, epoch, 0))
        if standing.epoch != epoch:
            found.append(f"{one.name} was filled from another log")
        if standing.version != one.version:
            found.append(f"{one.name} holds rows of version {standing.version}")
        if standing.position > head:
            found.append(f"{one.name} is at {standing.position}, the log ends at {head}")
    return found


def _parked_otherwise(seen: _Live, replayed: Replayed) -> list[str]:
    fresh = {(event.projection, event.position) for event in replayed.parked}
    return [
        *(f"{name}: {position} is parked for no reason" for name, position in seen.parked - fresh),
        *(f"{name}: {position} is not parked" for name, position in fresh - seen.parked),
    ]


async def _differing(table: Table, live: BulkTables, check: BulkTables) -> list[str]:
    present, expected = await live.fingerprints(table), await check.fingerprints(table)
    keys = sorted(
        key for key in present.keys() | expected.keys() if present.get(key) != expected.get(key)
    )
    shown = [f"{table.name} {key}: {_how(key in present, key in expected)}" for key in keys[:SHOWN]]
    return [*shown, f"{table.name}: {len(keys)} rows differ"]


def _how(is_present: bool, is_expected: bool) -> str:
    if is_present and is_expected:
        return "differs"
    return "is missing" if is_expected else "should not be there"
