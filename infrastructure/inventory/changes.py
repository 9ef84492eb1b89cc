"""The rows of the inventory tables that go with a command's events.

The event writer calls ``write`` in the command's own transaction, under the command's tenant.
"""

from functools import singledispatch
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from domain.ids import Id
from domain.inventory.changes import (
    ConnectionSet,
    InventoryChange,
    MappingRemoved,
    MappingSet,
    OperationSettled,
    OperationWaiting,
    ThingCreated,
)
from infrastructure.ids import to_uuid
from infrastructure.inventory.kinds import TABLES

Statement = tuple[LiteralString, tuple[object, ...]]

WORK_BELL: Final = "inventory_work"
"""The channel on which a worker hears that something waits."""

_WAIT: Final = (
    "INSERT INTO inventory.work (operation_id, tenant_id, thing, due_at) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (operation_id) DO UPDATE SET thing = excluded.thing, due_at = excluded.due_at"
)
_SOON: Final = "interval '1 second'"
_RING: Final = f"SELECT pg_notify('{WORK_BELL}', %s) WHERE %s <= clock_timestamp() + {_SOON}"
"""What is due later is found when it is due; to wake every worker at each step would be waste."""
_SETTLE: Final = "DELETE FROM inventory.work WHERE tenant_id = %s AND operation_id = %s"

_SET_CONNECTION: Final = (
    "INSERT INTO inventory.connections AS c"
    " (tenant_id, base_url, token_source, company_id, server_zone, status_labels, version)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (tenant_id) DO UPDATE SET"
    " base_url = excluded.base_url, token_source = excluded.token_source,"
    " company_id = excluded.company_id, server_zone = excluded.server_zone,"
    " status_labels = excluded.status_labels, version = excluded.version, set_at = now()"
    " WHERE c.version < excluded.version"
)
_CONNECTION_VERSION: Final = (
    "UPDATE inventory.connections SET version = %s WHERE tenant_id = %s AND version < %s"
)

# What somebody took away keeps its row: nothing gives it back by itself.
_TAKE_FROM_OTHERS: Final = (
    "UPDATE inventory.mappings SET external_id = NULL, matched_by = 'hand', since = now()"
    " WHERE tenant_id = %s AND kind = %s AND external_id = %s AND id <> %s"
)
_SET_MAPPING: Final = (
    "INSERT INTO inventory.mappings (tenant_id, kind, id, external_id, matched_by)"
    " VALUES (%s, %s, %s, %s, 'hand') ON CONFLICT (tenant_id, id) DO UPDATE SET"
    " kind = excluded.kind, external_id = excluded.external_id, matched_by = 'hand', since = now()"
)


async def write(connection: AsyncConnection[Any], change: InventoryChange) -> None:
    """Write one change inside the open transaction. Errors of the driver pass through."""
    async with connection.pipeline():
        for statement, values in _statements(change):
            await connection.execute(statement, values)


@singledispatch
def _statements(change: InventoryChange) -> tuple[Statement, ...]:
    raise TypeError(f"no inventory row is known for {type(change).__name__}")


@_statements.register
def _(change: OperationWaiting) -> tuple[Statement, ...]:
    tenant, operation = to_uuid(change.tenant_id), to_uuid(change.operation_id)
    return (
        (_WAIT, (operation, tenant, change.thing, change.due_at)),
        (_RING, (change.tenant_id, change.due_at)),
    )


@_statements.register
def _(change: OperationSettled) -> tuple[Statement, ...]:
    return ((_SETTLE, (to_uuid(change.tenant_id), to_uuid(change.operation_id))),)


@_statements.register
def _(change: ConnectionSet) -> tuple[Statement, ...]:
    return (
        (
            _SET_CONNECTION,
            (
                to_uuid(change.tenant_id),
                change.base_url,
                change.token_source,
                change.company_id,
                change.server_zone,
                Jsonb(change.status_labels),
                change.version,
            ),
        ),
    )


@_statements.register
def _(change: MappingSet) -> tuple[Statement, ...]:
    return (*_stand_for(change), _connection_version(change.tenant_id, change.version))


@_statements.register
def _(change: ThingCreated) -> tuple[Statement, ...]:
    return _stand_for(change)


@_statements.register
def _(change: MappingRemoved) -> tuple[Statement, ...]:
    return (
        (
            (
                "INSERT INTO inventory.mappings (tenant_id, kind, id, matched_by)"
                " VALUES (%s, %s, %s, 'hand') ON CONFLICT (tenant_id, id)"
                " DO UPDATE SET external_id = NULL, matched_by = 'hand', since = now()"
            ),
            (to_uuid(change.tenant_id), change.kind, to_uuid(change.id)),
        ),
        _no_longer_in_mirror(change.tenant_id, change.kind, change.id),
        _connection_version(change.tenant_id, change.version),
    )


def _stand_for(change: MappingSet | ThingCreated) -> tuple[Statement, ...]:
    tenant, id = to_uuid(change.tenant_id), to_uuid(change.id)
    table = TABLES[change.kind]
    return (
        (_TAKE_FROM_OTHERS, (tenant, change.kind, change.external_id, id)),
        (_SET_MAPPING, (tenant, change.kind, id, change.external_id)),
        _no_longer_in_mirror(change.tenant_id, change.kind, change.id),
        (
            f"UPDATE inventory.{table} SET id = %s WHERE tenant_id = %s AND external_id = %s",  # noqa: S608
            (id, tenant, change.external_id),
        ),
    )


def _no_longer_in_mirror(tenant_id: Id, kind: str, id: Id) -> Statement:
    return (
        f"UPDATE inventory.{TABLES[kind]} SET id = NULL WHERE tenant_id = %s AND id = %s",  # noqa: S608
        (to_uuid(tenant_id), to_uuid(id)),
    )


def _connection_version(tenant_id: Id, version: int) -> Statement:
    return _CONNECTION_VERSION, (version, to_uuid(tenant_id), version)
