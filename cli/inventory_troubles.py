"""Why hand-overs may stand still, in a line for each tenant and reason."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from domain.ids import Id
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.ids import from_uuid

LONG_DUE_S: Final = 60

# What waits for a circuit is told with the circuit.
_TROUBLES: Final = text("""
SELECT tenant_id, true AS is_wrong, format('the circuit is %s since %s: %s', replace(state, '_', ' '),
    date_trunc('second', since), coalesce(reason, 'no reason is known')) AS what
FROM inventory.circuits WHERE state <> 'closed'
UNION ALL
SELECT tenant_id, true, format('the mirror fails since %s: %s',
    date_trunc('second', failing_since), error)
FROM inventory.mirror_states WHERE failing_since IS NOT NULL
UNION ALL
SELECT tenant_id, false, format('operations that need attention: %s', count(*))
FROM read.inventory_operations WHERE state = 'needs_attention' GROUP BY tenant_id
UNION ALL
SELECT tenant_id, false, format('operations due since %s that no sync worker has taken on: %s',
    date_trunc('second', min(due_at)), count(*))
FROM inventory.work w
WHERE due_at < clock_timestamp() - :long_due_s * interval '1 second' AND NOT EXISTS (
    SELECT FROM inventory.circuits c WHERE c.tenant_id = w.tenant_id AND c.state <> 'closed')
GROUP BY tenant_id
ORDER BY 1, 2 DESC, 3
""").bindparams(long_due_s=LONG_DUE_S)


@dataclass(frozen=True, slots=True)
class Trouble:
    """``is_wrong`` where nothing goes on until somebody or something mends it."""

    tenant_id: Id
    is_wrong: bool
    what: str

    @property
    def line(self) -> str:
        """It for a person."""
        return f"inventory of tenant {self.tenant_id}: {self.what}"


async def troubles_of(url: str) -> list[Trouble]:
    """Those of all tenants, by tenant. ``url`` is the workers'. Raises ``StoreUnavailable``."""
    async with AllTenantsReader(url) as reader:
        rows = await reader.rows(_TROUBLES)
    return [Trouble(from_uuid(row.tenant_id), row.is_wrong, row.what) for row in rows]
