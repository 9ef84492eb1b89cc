"""The worker reads an item's book from the log, under the rights of its own role."""

import asyncio

from domain.assignments.item_book import Hold, ItemBook
from domain.ids import book_id, uuid_of
from infrastructure.postgres import pool_of
from tests.builders.assignments import CABLES, DUE, SCREWS
from tests.builders.log import MemoryLog, store
from tests.builders.people import NOW, TENANT
from tests.fixtures.postgres import Database
from workers.snipe_it_sync.main import LoggedOperations


async def test_what_is_reserved_of_an_item_is_read_from_the_log(database: Database) -> None:
    id = uuid_of(book_id(TENANT, CABLES.kind, CABLES.id))
    book = ItemBook.open(id, tenant_id=TENANT, item=CABLES, at=NOW)
    book.hold(Hold("one", 3, NOW, DUE), remaining=None, at=NOW)
    book.hold(Hold("two", 2, NOW, DUE), remaining=None, at=NOW)
    log = MemoryLog()
    log.append(list(book.collect_events()))
    await asyncio.to_thread(store, database.superuser_url, log.events)
    async with pool_of(database.url("worker")) as pool:
        operations = LoggedOperations(pool)
        found = await operations.book(TENANT, CABLES)
        assert found is not None
        assert found.kept_for_others("two", NOW) == 3
        assert await operations.book(TENANT, SCREWS) is None
