"""How the inventory can be asked just now, and how old our picture of it is."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_

from infrastructure.inventory.tables import circuits, connections, mirror_states
from query_api.reader import Reading

CLOSED: Final = "closed"
OPEN: Final = "open"

MIRROR_LIMIT: Final = timedelta(minutes=15)
"""An older picture of the inventory says nothing of what is free now."""

CIRCUIT_LIMIT: Final = timedelta(minutes=15)
"""An inventory that could not be asked for longer may have changed in any way."""

NOT_CONNECTED: Final = "not_connected"
NOT_MIRRORED: Final = "not_mirrored"
MIRROR_STALE: Final = "mirror_stale"
CIRCUIT_OPEN: Final = "circuit_open"


@dataclass(frozen=True, slots=True)
class InventoryStanding:
    """The tenant's inventory: the circuit that all processes share, and the mirror.

    ``circuit`` is ``closed, open`` or ``half_open``, since ``circuit_since`` (None: for ever).
    ``as_of`` is how far the mirror knows everything that the activity report tells.
    """

    connected: bool
    circuit: str
    circuit_reason: str | None
    circuit_since: datetime | None
    retry_at: datetime | None
    as_of: datetime | None
    swept_at: datetime | None
    mirror_error: str | None
    mirror_failing_since: datetime | None

    @property
    def available(self) -> bool:
        """Whether it can be asked just now, as ``domain.ports.InventoryStanding`` says it."""
        return self.connected and self.circuit != OPEN

    def doubt(self, at: datetime) -> str | None:
        """Why nobody can say at this time what is free; None where the mirror can be believed."""
        if not self.connected:
            return NOT_CONNECTED
        if self.as_of is None:
            return NOT_MIRRORED
        if at - self.as_of > MIRROR_LIMIT:
            return MIRROR_STALE
        since = self.circuit_since
        if self.circuit != CLOSED and since is not None and at - since > CIRCUIT_LIMIT:
            return CIRCUIT_OPEN
        return None


_NOTHING: Final = InventoryStanding(
    connected=False,
    circuit=CLOSED,
    circuit_reason=None,
    circuit_since=None,
    retry_at=None,
    as_of=None,
    swept_at=None,
    mirror_error=None,
    mirror_failing_since=None,
)


async def read_standing(reading: Reading) -> InventoryStanding:
    """The standing of the caller's tenant."""
    scope, mirror, circuit = reading.scope, mirror_states.c, circuits.c
    # A mirror of another inventory says nothing of this one.
    of_this_one = and_(scope.owns(mirror_states), mirror.base_url == connections.c.base_url)
    row = await reading.row(
        scope.select(
            connections,
            mirror.as_of,
            mirror.swept_at,
            mirror.error,
            mirror.failing_since,
            circuit.state,
            circuit.since,
            circuit.retry_at,
            circuit.reason,
        )
        .outerjoin(mirror_states, of_this_one)
        .outerjoin(circuits, scope.owns(circuits))
    )
    return _NOTHING if row is None else _standing(row)


def _standing(row: Any) -> InventoryStanding:
    is_closed = row.state in (None, CLOSED)
    return InventoryStanding(
        connected=True,
        circuit=row.state or CLOSED,
        circuit_reason=None if is_closed else row.reason,
        circuit_since=row.since,
        retry_at=None if is_closed else row.retry_at,
        as_of=row.as_of,
        swept_at=row.swept_at,
        mirror_error=row.error,
        mirror_failing_since=row.failing_since,
    )
