"""The circuit to a tenant's inventory, shared by all processes.

Closed, calls are made. Enough transport failures in a row, or one refusal of our token, open it:
then nobody calls until a pause is over and somebody has asked the server for its version. If it
answers, the circuit is half open: one operation is let through, and what becomes of it closes or
opens it again. Where nobody has tried anything for a while, one row is read instead.

``Circuit`` is the rule, as data; ``Circuits`` keeps one per tenant in Postgres.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.ids import Id
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Connection, Pool

FAILURES_TO_OPEN: Final = 5
TRIAL_S: Final = 90.0
"""For so long nobody else tries, unless the one who does tells sooner."""
IDLE: Final = timedelta(seconds=30)
"""Half open, an operation has so long to come and try before something is read instead."""

Pause = Callable[[int], float]
"""Seconds to wait after the so-and-so-many-th opening in a row."""


class CircuitState(StrEnum):
    """What is let through: everything, nothing, or one operation."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Circuit:
    """How one circuit stands. The methods answer with how it stands then."""

    state: CircuitState
    since: datetime
    failures: int = 0
    openings: int = 0
    retry_at: datetime | None = None
    taken_until: datetime | None = None
    reason: str | None = None

    def failed(
        self, reason: str, at: datetime, pause: Pause, retry_after_s: float | None = None
    ) -> "Circuit":
        """A call did not get through."""
        failures = self.failures + 1
        if self.state is CircuitState.OPEN:
            return self
        if self.state is CircuitState.CLOSED and failures < FAILURES_TO_OPEN:
            return replace(self, failures=failures, reason=reason)
        return self.opened(reason, at, pause, retry_after_s)

    def opened(
        self, reason: str, at: datetime, pause: Pause, retry_after_s: float | None = None
    ) -> "Circuit":
        """Let nothing through for a while, at least ``retry_after_s``."""
        openings = self.openings + 1
        wait_s = max(pause(openings), retry_after_s or 0.0)
        return Circuit(
            state=CircuitState.OPEN,
            since=self.since if self.state is CircuitState.OPEN else at,
            openings=openings,
            retry_at=at + timedelta(seconds=wait_s),
            reason=reason,
        )

    def worked(self, at: datetime) -> "Circuit":
        """A call got through. One that began before it was opened does not close it."""
        if self.state is CircuitState.OPEN or (
            self.state is CircuitState.CLOSED and not self.failures
        ):
            return self
        return Circuit(CircuitState.CLOSED, at)

    def answered(self, at: datetime) -> "Circuit":
        """The server has told its version: let one operation through."""
        if self.state is not CircuitState.OPEN:
            return self
        return replace(
            self, state=CircuitState.HALF_OPEN, since=at, retry_at=None, taken_until=None
        )

    def for_call(self, at: datetime) -> "Circuit | None":
        """How it stands with one more operation let through; None where it is not."""
        if self.state is CircuitState.CLOSED:
            return self
        return self._taken(at) if self.state is CircuitState.HALF_OPEN else None

    def for_probe(self, at: datetime) -> "Circuit | None":
        """How it stands while the server is asked something; None where nobody should ask now."""
        return self._taken(at) if self._is_to_probe(at) else None

    def _is_to_probe(self, at: datetime) -> bool:
        if self.state is CircuitState.HALF_OPEN:
            return self.since + IDLE <= at
        return self.state is CircuitState.OPEN and (self.retry_at is None or self.retry_at <= at)

    def _taken(self, at: datetime) -> "Circuit | None":
        if self.taken_until is not None and self.taken_until > at:
            return None
        return replace(self, taken_until=at + timedelta(seconds=TRIAL_S))


_FIND: Final = """
SELECT state, since, failures, openings, retry_at, taken_until, reason, clock_timestamp()
FROM inventory.circuits WHERE tenant_id = %s
"""
_MAKE: Final = """
INSERT INTO inventory.circuits (tenant_id, state, failures, openings, since)
VALUES (%s, 'closed', 0, 0, clock_timestamp()) ON CONFLICT DO NOTHING
"""
_KEEP: Final = """
UPDATE inventory.circuits SET state = %s, since = %s, failures = %s, openings = %s,
    retry_at = %s, taken_until = %s, reason = %s
WHERE tenant_id = %s
"""
_TO_PROBE: Final = """
SELECT tenant_id FROM inventory.circuits
WHERE (state = 'open' AND retry_at <= clock_timestamp()
        OR state = 'half_open' AND since <= clock_timestamp() - %s)
    AND (taken_until IS NULL OR taken_until <= clock_timestamp())
ORDER BY coalesce(retry_at, since)
"""

logger = logging.getLogger(__name__)

Change = Callable[[Circuit, datetime], Circuit | None]


class Circuits:
    """The circuits of all tenants. Every call raises ``StoreUnavailable`` where it must.

    Times are those of the database's clock, so that processes need not agree about theirs.
    """

    def __init__(self, pool: Pool, pause: Pause) -> None:
        self._pool = pool
        self._pause = pause

    async def lets_through(self, tenant_id: Id) -> bool:
        """Whether an operation may be begun; half open, this takes the one place there is."""
        taken = await self._change(tenant_id, lambda circuit, at: circuit.for_call(at))
        return taken is not None

    async def failed(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        """A call did not get through."""
        await self._change(
            tenant_id,
            lambda circuit, at: circuit.failed(reason, at, self._pause, retry_after_s),
        )

    async def open(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        """Let nothing through, from now on."""
        await self._change(
            tenant_id,
            lambda circuit, at: circuit.opened(reason, at, self._pause, retry_after_s),
        )

    async def worked(self, tenant_id: Id) -> None:
        """A call got through."""
        await self._change(tenant_id, lambda circuit, at: circuit.worked(at))

    async def answered(self, tenant_id: Id) -> None:
        """The server has told its version."""
        await self._change(tenant_id, lambda circuit, at: circuit.answered(at))

    async def take_probe(self, tenant_id: Id) -> CircuitState | None:
        """How it stands where the caller is the one to ask the server now; None where not."""
        taken = await self._change(tenant_id, lambda circuit, at: circuit.for_probe(at))
        return None if taken is None else taken.state

    async def to_probe(self) -> list[Id]:
        """The tenants whose pause is over, or whom no operation has tried for; longest first."""
        async with pooled_call(self._pool) as connection:
            cursor = await connection.execute(_TO_PROBE, (IDLE,))
            return [from_uuid(row[0]) for row in await cursor.fetchall()]

    async def _change(self, tenant_id: Id, change: Change) -> Circuit | None:
        """How it stands now, None where ``change`` was not possible.

        What changes nothing takes no lock.
        """
        tenant = to_uuid(tenant_id)
        async with pooled_call(self._pool) as connection:
            found = await _find(connection, tenant, _FIND)
            if found is not None and (wanted := change(*found)) in (None, found[0]):
                return wanted
            async with connection.transaction():
                await connection.execute(_MAKE, (tenant,))
                locked = await _find(connection, tenant, f"{_FIND} FOR UPDATE")
                changed = None if locked is None else change(*locked)
                if changed is not None:
                    await connection.execute(_KEEP, (*_values(changed), tenant))
        if locked is not None and changed is not None and changed.state is not locked[0].state:
            logger.warning("the circuit of %s is %s: %s", tenant_id, changed.state, changed.reason)
        return changed


async def _find(
    connection: Connection, tenant: UUID, query: str
) -> tuple[Circuit, datetime] | None:
    """A tenant's circuit, and what time the database has."""
    cursor = await connection.execute(query.encode(), (tenant,))
    row = await cursor.fetchone()
    return None if row is None else (Circuit(CircuitState(row[0]), *row[1:-1]), row[-1])


def _values(circuit: Circuit) -> tuple[object, ...]:
    return (
        circuit.state.value,
        circuit.since,
        circuit.failures,
        circuit.openings,
        circuit.retry_at,
        circuit.taken_until,
        circuit.reason,
    )
