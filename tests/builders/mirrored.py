"""A tenant whose inventory is that of the recordings, mirrored by the real mirror."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg.types.json import Jsonb

from demo.snipe_it_simulator.simulator import Simulator
from domain.ids import Id
from infrastructure.ids import to_uuid
from infrastructure.inventory.mirror_store import MirrorStore
from infrastructure.postgres import pool_of
from tests.builders.inventory import InventoryTables
from tests.fixtures.postgres import Database
from tests.infrastructure.snipe_it import worlds
from workers.mirror.tenant import TenantMirror

LABELS: Final[Mapping[str, int]] = MappingProxyType(
    {"deployable": 2, "archived": 3, "retired": 3, "lost": 4, "repair": 5}
)
"""What the connection's status labels stand for: one of them for two purposes, none for some."""


def connect(database: Database, tenant_id: Id, labels: Mapping[str, int] = LABELS) -> None:
    """Connect a tenant to a server, with a label for each purpose."""
    InventoryTables(database, tenant_id).connect(worlds.CONNECTION.base_url)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE inventory.connections SET status_labels = %s WHERE tenant_id = %s",
            (Jsonb(dict(labels)), to_uuid(tenant_id)),
        )


async def sweep(database: Database, tenant_id: Id, server: Simulator) -> None:
    """Let the mirror hold everything that the server has now."""
    async with worlds.in_memory(server) as snipe_it, pool_of(database.url("worker")) as pool:
        store = MirrorStore(pool, tenant_id)
        await TenantMirror(snipe_it, store, lambda: datetime.now(UTC)).sweep()


async def mirrored(
    database: Database,
    tenant_id: Id,
    server: Simulator,
    labels: Mapping[str, int] = LABELS,
) -> None:
    """A tenant that is connected to the server, and all that it has in the mirror."""
    connect(database, tenant_id, labels)
    await sweep(database, tenant_id, server)
