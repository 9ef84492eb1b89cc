"""One count of calls for all processes: never more than the limit within any minute."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import psycopg
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.serving import serve
from infrastructure.ids import derived_id
from infrastructure.inventory.shared_calls import HOLD_S, MINUTE_S, SPAN, Granted, SharedCalls
from infrastructure.postgres import Pool, pool_of
from infrastructure.settings import SnipeItSyncSettings
from infrastructure.snipe_it.answers import Done, Throttled
from infrastructure.snipe_it.transport import Call
from tests.builders.inventory import TOKEN_SOURCE, InventoryTables
from tests.builders.people import NOW, TENANT
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from workers.snipe_it_sync.inventories import OpenInventories

OTHER = derived_id("test", "another tenant")
MINUTE = timedelta(seconds=MINUTE_S)


@pytest_asyncio.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with pool_of(database.url("worker"), max_size=4) as pool:
        yield pool


@given(
    most=st.integers(1, 8),
    asked=st.lists(st.tuples(st.floats(0, 70), st.integers(1, 3)), max_size=60),
)
def test_no_minute_has_more_calls_than_the_limit(most: int, asked: list[tuple[float, int]]) -> None:
    granted, at, made = Granted(), NOW, list[datetime]()
    for later_s, wanted in asked:
        at += timedelta(seconds=later_s)
        calls = min(wanted, granted.left(most, at))
        if calls:
            granted = granted.with_more(calls, at)
        made += [at] * calls
    for first in made:
        assert sum(first <= one < first + MINUTE for one in made) <= most


@given(most=st.integers(1, 8), asked=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3))))
def test_after_the_wait_that_is_told_a_call_is_granted_and_not_before(
    most: int, asked: list[tuple[float, int]]
) -> None:
    granted, at = Granted(), NOW
    for later_s, wanted in asked:
        at += timedelta(seconds=later_s)
        calls = min(wanted, granted.left(most, at))
        if calls:
            granted = granted.with_more(calls, at)
    wait = timedelta(seconds=granted.wait_s(most, at))
    assert (wait == timedelta()) == (granted.left(most, at) > 0)
    assert granted.left(most, at + wait) > 0
    if wait:
        assert granted.left(most, at + wait - timedelta(microseconds=1)) == 0


def test_what_no_longer_counts_is_not_kept() -> None:
    granted = Granted().with_more(2, NOW).with_more(1, NOW + SPAN)
    assert granted.calls == (1,)


async def test_processes_share_what_a_tenant_may_ask(pool: Pool) -> None:
    here, there = SharedCalls(pool, TENANT, 5), SharedCalls(pool, TENANT, 5)
    waits = [await process.take() for process in (here, there, here, there, here)]
    assert waits == [0] * 5
    for process in (here, there):
        assert 0 < await process.take() <= SPAN.total_seconds()
    assert await SharedCalls(pool, OTHER, 5).take() == 0


async def test_processes_that_ask_at_the_same_moment_take_no_more_than_there_are(
    pool: Pool,
) -> None:
    processes = [SharedCalls(pool, TENANT, 10) for _ in range(4)]
    waits = await asyncio.gather(*(process.take() for _ in range(5) for process in processes))
    assert waits.count(0.0) == 10


async def test_many_calls_are_fetched_at_a_time_where_many_are_made(
    database: Database, pool: Pool
) -> None:
    now, most = [0.0], 240
    here = SharedCalls(pool, TENANT, most, clock=lambda: now[0])
    for _ in range(4):
        assert await here.take() == 0
    assert fetched(database) == [1, 2, 4]
    now[0] += HOLD_S
    # Three were not made in time and are lost; as many are fetched as were needed before.
    assert await here.take() == 0
    assert fetched(database) == [1, 2, 4, 1]
    for _ in range(most - sum(fetched(database))):
        assert await here.take() == 0
    assert await here.take() > 0


def fetched(database: Database) -> list[int]:
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute("SELECT calls FROM inventory.calls_granted").fetchone()
    assert row is not None
    return list(row[0])


async def test_a_worker_does_not_call_when_the_others_have_made_all_calls(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TOKEN_SOURCE.removeprefix("env:"), DEMO_TOKEN)
    server = worlds.simulator()
    async with serve(server) as url:
        tables = InventoryTables(database)
        tables.connect(url)
        settings = SnipeItSyncSettings(
            worker_database_url=SecretStr(database.url("worker")),
            snipe_it_allowed_urls=tables.entry(url),
            snipe_it_calls_per_minute=3,
        )
        other_process = SharedCalls(pool, TENANT, 3)
        async with OpenInventories(pool, settings) as inventories:
            await inventories.refresh()
            snipe_it = await inventories.of(TENANT)
            assert snipe_it is not None
            version = Call("GET", "/version")
            assert isinstance(await snipe_it.transport.send(version), Done)
            assert [await other_process.take() for _ in range(2)] == [0, 0]
            assert isinstance(await snipe_it.transport.send(version), Throttled)
    assert len(server.seen) == 1
