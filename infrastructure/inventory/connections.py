"""The connections of all tenants, as workers read them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.ids import Id
from infrastructure.ids import from_uuid
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool

_ALL: Final = (
    "SELECT tenant_id, base_url, token_source, company_id, server_zone, set_at"
    " FROM inventory.connections ORDER BY tenant_id"
)


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """How one tenant's Snipe-IT is reached, since ``set_at``.

    The token itself stands at ``token_source``.
    """

    tenant_id: Id
    base_url: str
    token_source: str
    company_id: int | None
    server_zone: str
    set_at: datetime


async def stored_connections(pool: Pool) -> list[StoredConnection]:
    """Every tenant's. Raises ``StoreUnavailable``."""
    async with pooled_call(pool) as connection:
        rows = await (await connection.execute(_ALL)).fetchall()
    return [StoredConnection(from_uuid(tenant), *rest) for tenant, *rest in rows]
