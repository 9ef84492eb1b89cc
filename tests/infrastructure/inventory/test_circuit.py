"""One circuit for all processes: it opens, is probed by one, and lets one through."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from infrastructure.identity.facts import FactSource
from infrastructure.ids import derived_id, to_uuid
from infrastructure.inventory.circuit import FAILURES_TO_OPEN, IDLE, Circuits, CircuitState
from infrastructure.inventory.work_queue import Due, WorkQueue, lease_name
from infrastructure.lease_store import LeaseStore
from infrastructure.postgres import Pool, pool_of
from tests.builders.inventory import InventoryTables
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database

OTHER = derived_id("test", "another tenant")


@pytest.fixture
def tables(database: Database) -> InventoryTables:
    tables = InventoryTables(database)
    tables.connect("https://snipe.example")
    return tables


@pytest_asyncio.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with pool_of(database.url("worker"), max_size=4) as pool:
        yield pool


def pausing(seconds: float, pool: Pool) -> Circuits:
    return Circuits(pool, lambda openings: seconds * openings)


async def test_failures_in_a_row_open_it_for_every_process(
    database: Database, tables: InventoryTables, pool: Pool
) -> None:
    here, there = pausing(60, pool), pausing(60, pool)
    for _ in range(FAILURES_TO_OPEN - 1):
        await here.failed(TENANT, "status 502")
    assert await there.lets_through(TENANT)
    await there.failed(TENANT, "status 502")
    assert not await here.lets_through(TENANT)
    assert await here.lets_through(OTHER)

    async with pool_of(database.url("command")) as commands:
        standing = await FactSource(commands).of(TENANT).inventory()
        assert (standing.connected, standing.available) == (True, False)
        assert standing.reason == "status 502"
        assert standing.retry_after_s is not None
        assert 50 < standing.retry_after_s <= 60


async def test_one_that_works_in_between_begins_anew(tables: InventoryTables, pool: Pool) -> None:
    circuits = pausing(60, pool)
    for _ in range(3):
        for _ in range(FAILURES_TO_OPEN - 1):
            await circuits.failed(TENANT, "status 502")
        await circuits.worked(TENANT)
    assert await circuits.lets_through(TENANT)


async def test_one_asks_for_the_version_and_one_operation_is_let_through(
    tables: InventoryTables, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = pausing(0, pool), pausing(0, pool)
    await here.open(TENANT, "unauthorized")
    assert await here.to_probe() == [TENANT]
    assert [await one.take_probe(TENANT) for one in (here, there)] == [CircuitState.OPEN, None]
    assert await there.to_probe() == []
    await here.answered(TENANT)
    assert [await one.lets_through(TENANT) for one in (there, here)] == [True, False]
    await there.worked(TENANT)
    assert await here.lets_through(TENANT)
    said = [record.message.partition(" is ")[2] for record in caplog.records]
    assert said == ["open: unauthorized", "half_open: unauthorized", "closed: None"]


async def test_half_open_one_reads_where_no_operation_has_tried_for_a_while(
    tables: InventoryTables, pool: Pool, database: Database
) -> None:
    here, there = pausing(0, pool), pausing(0, pool)
    await here.open(TENANT, "forbidden")
    await here.answered(TENANT)
    assert await here.to_probe() == []
    assert await here.take_probe(TENANT) is None
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("UPDATE inventory.circuits SET since = since - %s", (IDLE,))
    assert await here.to_probe() == [TENANT]
    half_open = [CircuitState.HALF_OPEN, None]
    assert [await one.take_probe(TENANT) for one in (here, there)] == half_open
    assert await there.to_probe() == []
    assert not await there.lets_through(TENANT)
    await here.worked(TENANT)
    assert await there.lets_through(TENANT)


async def test_a_trial_that_fails_opens_it_for_longer(
    tables: InventoryTables, pool: Pool, database: Database
) -> None:
    circuits = pausing(30, pool)
    await circuits.open(TENANT, "status 502")
    await circuits.answered(TENANT)
    assert await circuits.lets_through(TENANT)
    await circuits.failed(TENANT, "status 502", retry_after_s=45)
    with psycopg.connect(database.superuser_url) as connection:
        row = connection.execute(
            "SELECT state, openings, retry_at - clock_timestamp() > interval '50 s'"
            " FROM inventory.circuits"
        ).fetchone()
    assert row == ("open", 2, True)


async def test_the_queue_gives_each_thing_one_turn_and_no_tenant_all_places(
    database: Database, tables: InventoryTables, pool: Pool
) -> None:
    def put(name: str, thing: str, tenant: str = TENANT, due: str = "-1 second") -> str:
        id = derived_id("test", "operation", name)
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO inventory.work (operation_id, tenant_id, thing, due_at)"
                " VALUES (%s, %s, %s, clock_timestamp() + %s::interval)",
                (to_uuid(id), to_uuid(tenant), thing, due),
            )
        return id

    queue = WorkQueue(pool)
    waiting = put("waiting", "asset:1", due="1 hour")
    put("behind it", "asset:1", due="-1 hour")
    second = put("second", "asset:2")
    third = put("third", "asset:3")
    other = put("other", "asset:1", tenant=OTHER)
    found = {due.operation_id for due in await queue.due(10, 10)}
    assert found == {second, third, other}
    assert {due.operation_id for due in await queue.due(10, 1)} == {second, other}
    assert {due.operation_id for due in await queue.due(10, 10, [second])} == {third, other}

    lease = await LeaseStore(pool).take(lease_name(TENANT, "asset:2"), 60)
    assert lease is not None
    assert {due.operation_id for due in await queue.due(10, 10)} == {third, other}
    await lease.give_back()
    assert {due.operation_id for due in await queue.due(10, 10)} == {second, third, other}

    await queue.put_off(second, 60)
    assert not await queue.still_due(Due(TENANT, second, "asset:2"))
    await queue.put_off(waiting, 0)
    assert await queue.still_due(Due(TENANT, waiting, "asset:1"))
    await queue.remove(waiting)
    assert await queue.waits(TENANT, "asset:1")

    await pausing(60, pool).open(TENANT, "down")
    assert {due.operation_id for due in await queue.due(10, 10)} == {other}
