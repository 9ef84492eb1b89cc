"""The workers' queue: which operations are to be looked at, and when.

Rows come and go in the transactions of the commands; here they are found, and put off.
Operations on one thing go in the order in which they were asked for: only the first of them is
ever due.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from domain.ids import Id
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool

_IS_FIRST: Final = """
NOT EXISTS (SELECT FROM inventory.work w
            WHERE w.tenant_id = first.tenant_id AND w.thing = first.thing AND w.turn < first.turn)
"""
# What another worker is at would only fill the places of what nobody has begun.
_IS_FREE: Final = """
NOT EXISTS (SELECT FROM delivery.leases held
            WHERE held.name = format('inventory:%%s:%%s', first.tenant_id, first.thing)
                AND held.expires_at > clock_timestamp())
"""
# A tenant whose circuit is open is left alone: its work stays due. No tenant takes all places.
_DUE: Final = f"""
SELECT tenant_id, operation_id, thing FROM (
    SELECT first.*, row_number() OVER (PARTITION BY first.tenant_id ORDER BY due_at, turn) AS nth
    FROM inventory.work first
    LEFT JOIN inventory.circuits c ON c.tenant_id = first.tenant_id
    WHERE first.due_at <= clock_timestamp() AND c.state IS DISTINCT FROM 'open'
        AND first.operation_id <> ALL (%s) AND {_IS_FIRST} AND {_IS_FREE}
) due
WHERE nth <= %s ORDER BY due_at, turn LIMIT %s
"""  # noqa: S608  what is put in is a constant of this file
_STILL_DUE: Final = f"""
SELECT FROM inventory.work first
WHERE first.operation_id = %s AND first.due_at <= clock_timestamp() AND {_IS_FIRST}
"""
_WAITS: Final = "SELECT FROM inventory.work WHERE tenant_id = %s AND thing = %s LIMIT 1"
_PUT_OFF: Final = """
UPDATE inventory.work SET due_at = clock_timestamp() + %s * interval '1 second'
WHERE operation_id = %s
"""
_REMOVE: Final = "DELETE FROM inventory.work WHERE operation_id = %s"


@dataclass(frozen=True, slots=True)
class Due:
    """An operation that is to be looked at; ``thing`` is what is locked meanwhile."""

    tenant_id: Id
    operation_id: Id
    thing: str


def lease_name(tenant_id: Id, thing: str) -> str:
    """What is locked while somebody is at a thing of a tenant's inventory."""
    return f"inventory:{to_uuid(tenant_id)}:{thing}"


class WorkQueue:
    """The queue of all tenants. Every call raises ``StoreUnavailable`` where it must."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(self, limit: int, of_one: int, but: Collection[Id] = ()) -> list[Due]:
        """What is due now, longest first, ``of_one`` tenant at most so many, apart from ``but``.

        What another worker is at is left out: it looks at the thing's next operation itself.
        """
        left_out = [to_uuid(id) for id in but]
        async with pooled_call(self._pool) as connection:
            cursor = await connection.execute(_DUE, (left_out, of_one, limit))
            rows = await cursor.fetchall()
        return [Due(from_uuid(tenant), from_uuid(id), thing) for tenant, id, thing in rows]

    async def still_due(self, due: Due) -> bool:
        """Whether it is due as before: another worker may have been faster."""
        return await self._any(_STILL_DUE, to_uuid(due.operation_id))

    async def waits(self, tenant_id: Id, thing: str) -> bool:
        """Whether any operation on the thing is under way."""
        return await self._any(_WAITS, to_uuid(tenant_id), thing)

    async def put_off(self, operation_id: Id, seconds: float) -> None:
        """Let it be looked at so much later."""
        await self._execute(_PUT_OFF, seconds, to_uuid(operation_id))

    async def remove(self, operation_id: Id) -> None:
        """Let it no longer be looked at."""
        await self._execute(_REMOVE, to_uuid(operation_id))

    async def _any(self, query: str, *values: object) -> bool:
        async with pooled_call(self._pool) as connection:
            cursor = await connection.execute(query.encode(), values)
            return await cursor.fetchone() is not None

    async def _execute(self, query: str, *values: object) -> None:
        async with pooled_call(self._pool) as connection:
            await connection.execute(query.encode(), values)
