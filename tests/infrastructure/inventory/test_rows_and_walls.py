"""Rows of the inventory tables beside events, what handlers are told of them, and the walls."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from domain.inventory.changes import InventoryChange, OperationSettled, OperationWaiting
from infrastructure.identity.facts import FactSource
from infrastructure.ids import derived_id, new_id, to_uuid
from infrastructure.inventory.changes import WORK_BELL, write
from infrastructure.postgres import pool_of
from tests.builders.inventory import InventoryTables
from tests.builders.inventory_rows import MODEL, PRINTER, stock_shelf
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database

DUE: Final = datetime(2020, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def tables(database: Database) -> InventoryTables:
    found = InventoryTables(database)
    found.connect("https://snipe.school.example")
    return found


async def carry_out(database: Database, *changes: InventoryChange) -> None:
    """As the event writer does it: in one transaction, under the command's tenant."""
    async with (
        pool_of(database.url("command")) as pool,
        pool.connection() as connection,
        connection.transaction(),
    ):
        await connection.execute("SELECT set_config('app.tenant', %s, true)", (_TENANT,))
        for change in changes:
            await write(connection, change)


_TENANT: Final = str(to_uuid(TENANT))


async def test_work_waits_rings_and_is_settled(database: Database, tables: InventoryTables) -> None:
    one, two = new_id(), new_id()
    with psycopg.connect(database.url("worker"), autocommit=True) as listening:
        listening.execute(f"LISTEN {WORK_BELL}")
        await carry_out(
            database,
            OperationWaiting(TENANT, one, "asset:17", DUE),
            OperationWaiting(TENANT, two, "asset:18", DUE),
        )
        (ring,) = listening.notifies(timeout=5, stop_after=1)
        assert ring.payload == TENANT
        later = OperationWaiting(TENANT, one, "asset:17", DUE.replace(hour=13))
        await carry_out(database, later, OperationSettled(TENANT, two))
        rows = listening.execute("SELECT operation_id, thing, due_at FROM inventory.work")
        assert rows.fetchall() == [(to_uuid(one), "asset:17", later.due_at)]


async def test_what_is_due_later_wakes_nobody(database: Database, tables: InventoryTables) -> None:
    with psycopg.connect(database.url("worker"), autocommit=True) as listening:
        listening.execute(f"LISTEN {WORK_BELL}")
        later = datetime.now(UTC) + timedelta(minutes=5)
        await carry_out(database, OperationWaiting(TENANT, new_id(), "asset:17", later))
        await carry_out(database, OperationWaiting(TENANT, new_id(), "asset:18", DUE))
        listening.execute("SELECT pg_notify(%s, 'end')", (WORK_BELL,))
        heard = [ring.payload for ring in listening.notifies(timeout=5, stop_after=2)]
    assert heard == [TENANT, "end"]


@pytest.mark.parametrize("role", ["command", "worker"])
async def test_a_handler_is_told_of_things_and_people(database: Database, role: str) -> None:
    tables = InventoryTables(database)
    tables.connect("https://snipe.school.example")
    person = tables.add_member("ana", "ana@x.example")
    other = tables.add_member("ben", "ben@x.example")
    _delete_connection(database)
    shelf = stock_shelf(database, TENANT, person)
    async with pool_of(database.url(role)) as pool:
        facts = FactSource(pool).of(TENANT)
        printer = await facts.inventory_item("asset", shelf.printer)
        model = await facts.inventory_item("model", shelf.model)
        assert printer is not None
        assert model is not None
        assert (printer.external_id, printer.model_id) == (PRINTER, shelf.model)
        assert (printer.deployable, printer.holder) == (True, None)
        assert (model.external_id, model.remaining) == (MODEL, 1)
        assert await facts.inventory_item("asset", new_id()) is None
        assert await facts.inventory_item("spaceship", shelf.printer) is None
        known = [await facts.custodian("user", id) for id in (person, other, new_id())]
        assert [None if one is None else one.external_id for one in known] == [5, None, None]
        assert known[2] is None
        place = await facts.custodian("location", shelf.place)
        assert place is not None
        elsewhere = FactSource(pool).of(new_id())
        assert await elsewhere.inventory_item("asset", shelf.printer) is None
        assert await elsewhere.custodian("user", person) is None
        assert not (await elsewhere.inventory()).connected


async def test_a_member_whose_user_over_there_was_deleted_stands_for_nobody(
    database: Database,
) -> None:
    tables = InventoryTables(database)
    tables.connect("https://snipe.school.example")
    person = tables.add_member("ana", "ana@x.example")
    tables.put_user(5, "ana")
    tables.map("user", person, 5)
    async with pool_of(database.url("command")) as pool:
        facts = FactSource(pool).of(TENANT)
        before = await facts.custodian("user", person)
        tables.delete("users", 5)
        after = await facts.custodian("user", person)
    assert (before and before.external_id, after and after.external_id) == (5, None)


def _delete_connection(database: Database) -> None:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("DELETE FROM inventory.connections")


@pytest.mark.parametrize("role", ["command", "query"])
def test_a_role_sees_the_inventory_of_the_named_tenant_and_of_no_other(
    role: str, database: Database, tables: InventoryTables
) -> None:
    tables.put_location(7, new_id())
    tables.put_user(5, "ana")
    names = ("locations", "users", "mappings", "connections")
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        for tenant, seen in ((None, 0), (to_uuid(new_id()), 0), (to_uuid(TENANT), 1)):
            assert [_count(connection, name, tenant) for name in names] == [seen] * 4, tenant


def _count(connection: psycopg.Connection, table: str, tenant: UUID | None) -> int:
    with connection.transaction():
        if tenant is not None:
            connection.execute("SELECT set_config('app.tenant', %s, true)", (str(tenant),))
        query = sql.SQL("SELECT count(*) FROM inventory.{}").format(sql.Identifier(table))
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("role", ["query", "command"])
def test_only_workers_change_what_is_mirrored(
    role: str, database: Database, tables: InventoryTables
) -> None:
    tables.put_location(7)
    with psycopg.connect(database.url(role), autocommit=True) as connection:
        for statement in (
            "UPDATE inventory.locations SET name = 'mine'",
            "DELETE FROM inventory.locations",
            "INSERT INTO inventory.mirror_kinds VALUES (gen_random_uuid(), 'asset', now(), 1)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_command_of_one_tenant_writes_nothing_of_another(
    database: Database, tables: InventoryTables
) -> None:
    statement = (
        "INSERT INTO inventory.work (operation_id, tenant_id, thing, due_at)"
        " VALUES (%s, %s, 'asset:1', now())"
    )
    with psycopg.connect(database.url("command")) as connection:
        connection.execute("SELECT set_config('app.tenant', %s, true)", (_TENANT,))
        connection.execute(statement, (to_uuid(new_id()), to_uuid(TENANT)))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement, (to_uuid(new_id()), to_uuid(new_id())))


async def test_a_tenant_has_mappings_from_the_first_on_and_no_other_has_them(
    database: Database, tables: InventoryTables
) -> None:
    async with pool_of(database.url("command")) as pool:
        ours = FactSource(pool).of(TENANT)
        assert not await ours.has_mappings()
        room = new_id()
        tables.put_location(7, room)
        assert await ours.has_mappings()
        tables.unlink(room)
        assert await ours.has_mappings()
        assert not await FactSource(pool).of(derived_id("test", "another tenant")).has_mappings()
