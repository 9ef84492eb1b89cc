"""A mirror of one tenant over a client, as its worker makes it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from infrastructure.inventory.mirror_store import MirrorStore
from infrastructure.postgres import pool_of
from infrastructure.snipe_it.client import SnipeIt
from tests.builders.inventory import InventoryTables
from workers.mirror.tenant import TenantMirror


@asynccontextmanager
async def mirror_of(
    tables: InventoryTables, snipe_it: SnipeIt, wrong_by: timedelta = timedelta()
) -> AsyncIterator[TenantMirror]:
    """The mirror of ``tables``' tenant, kept by a clock that is wrong by so much."""
    async with pool_of(tables.database.url("worker")) as pool:
        store = MirrorStore(pool, tables.tenant_id)
        yield TenantMirror(snipe_it, store, lambda: datetime.now(UTC) + wrong_by)
