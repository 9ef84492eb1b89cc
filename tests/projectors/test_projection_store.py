"""A transaction of a pipeline is one: the lock is held to its end, and an error leaves nothing."""

import asyncio

import pytest

from infrastructure.projection_rows import Change, ParkedEvent, RowsRefused
from infrastructure.projection_store import ProjectionStore
from projectors.subscriptions import HISTORY
from tests.builders.log import EPOCH
from tests.builders.people import TENANT
from tests.fixtures.processes import eventually
from tests.projectors.conftest import Table

VERSIONS = {"history": 1, "projects": 1}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def test_nobody_else_moves_the_projections_before_the_end(
    store: ProjectionStore, table: Table
) -> None:
    async with store.transaction() as first:
        await first.lock(EPOCH, VERSIONS)

    async with store.transaction() as first:
        await first.lock(EPOCH, VERSIONS)
        second = asyncio.create_task(_position_of(store, "history"))
        await asyncio.to_thread(
            eventually, lambda: table(WAITING) == [(1,)], "the second to wait", 30
        )
        await first.write_and_move([], [], VERSIONS, 7)

    assert await second == 7


async def _position_of(store: ProjectionStore, projection: str) -> int:
    async with store.transaction(pipelined=False) as transaction:
        standings = await transaction.lock(EPOCH, {projection: 1})
    return standings[projection].position


async def test_those_that_are_further_are_not_moved_back(
    store: ProjectionStore, table: Table
) -> None:
    async with store.transaction() as transaction:
        await transaction.lock(EPOCH, VERSIONS)
        await transaction.write_and_move([], [], ["history"], 9)

    async with store.transaction() as transaction:
        await transaction.write_and_move([], [], VERSIONS, 5)

    positions = table("SELECT projection, position FROM read.projection_positions ORDER BY 1")
    assert positions == [("history", 9), ("projects", 5)]


async def test_a_projection_that_is_new_beside_others_begins_at_0(store: ProjectionStore) -> None:
    async with store.transaction() as transaction:
        await transaction.lock(EPOCH, {"history": 1})
        await transaction.write_and_move([], [], ["history"], 9)

    async with store.transaction() as transaction:
        standings = await transaction.lock(EPOCH, VERSIONS)

    assert {name: one.position for name, one in standings.items()} == {"history": 9, "projects": 0}


async def test_what_is_refused_takes_everything_with_it(
    store: ProjectionStore, table: Table
) -> None:
    (history,) = HISTORY.tables
    parked = ParkedEvent("projects", 1, TENANT, TENANT, "project.created.v1", "broken", 3)
    incomplete = Change(history, rows=[{"position": 1}], gone=[])

    with pytest.raises(RowsRefused, match="null value"):
        await _write(store, incomplete, parked)

    assert table("SELECT position FROM read.projection_positions") == []
    assert await store.parked() == []


async def _write(store: ProjectionStore, change: Change, parked: ParkedEvent) -> None:
    async with store.transaction() as transaction:
        await transaction.lock(EPOCH, VERSIONS)
        await transaction.write_and_move([change], [parked], VERSIONS, 1)
