"""What was created over there stands under the id that it was asked for under."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from domain.ids import Id
from domain.inventory.changes import ThingCreated
from infrastructure.ids import derived_id, from_uuid, to_uuid
from infrastructure.inventory.changes import write
from tests.builders.inventory_rows import PRINTER, Shelf, stock_shelf
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database

NEW: Id = derived_id("test", "new")


@pytest.fixture
def shelf(database: Database) -> Shelf:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute(
            "INSERT INTO identity.tenants VALUES (%s, 'Lab', now())", (to_uuid(TENANT),)
        )
    return stock_shelf(database, TENANT)


@pytest.fixture(params=["worker", "command"])
async def connection(
    database: Database, request: pytest.FixtureRequest
) -> AsyncIterator[psycopg.AsyncConnection]:
    """As those who prove or attest an operation have it."""
    async with await psycopg.AsyncConnection.connect(database.url(request.param)) as made:
        await made.execute("SELECT set_config('app.tenant', %s, false)", (str(to_uuid(TENANT)),))
        yield made


async def ids_of(connection: psycopg.AsyncConnection, number: int) -> tuple[Id | None, set[Id]]:
    """The id in the mirror, and those that are mapped to the number."""
    cursor = await connection.execute(
        "SELECT id FROM inventory.assets WHERE external_id = %s", (number,)
    )
    mirrored = await cursor.fetchone()
    cursor = await connection.execute(
        "SELECT id FROM inventory.mappings WHERE kind = 'asset' AND external_id = %s", (number,)
    )
    mapped = {from_uuid(id) for (id,) in await cursor.fetchall()}
    return None if mirrored is None else from_uuid(mirrored[0]), mapped


async def test_it_is_mapped_before_the_mirror_has_seen_it(
    shelf: Shelf, connection: psycopg.AsyncConnection
) -> None:
    await write(connection, ThingCreated(TENANT, "asset", NEW, 99))
    assert await ids_of(connection, 99) == (None, {NEW})


async def test_an_id_that_the_mirror_was_faster_to_give_loses_it(
    shelf: Shelf, connection: psycopg.AsyncConnection
) -> None:
    assert await ids_of(connection, PRINTER) == (shelf.printer, {shelf.printer})
    for _ in range(2):
        await write(connection, ThingCreated(TENANT, "asset", NEW, PRINTER))
        assert await ids_of(connection, PRINTER) == (NEW, {NEW})
