"""What is to be sent, who is at it, and what became of it.

A delivery is claimed for a time by one process. It is recorded as delivered after it was sent, so
a process that dies in between leaves a claim that runs out, and the delivery is sent once more,
under the same id: once at least towards the outside, and never twice for any other reason.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from domain.ids import Id
from infrastructure.clock import since_boot, utc_now
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.notifications.outcomes import Never, NotNow, Outcome, Sent
from infrastructure.postgres import Connection, Pool, severed_after

CALL_S: Final = 5.0

# A receiver that is slow must not keep everybody else waiting: it gets few at a time, and so does
# a tenant, who may have many of them.
_CLAIM: Final = """
WITH claimed AS MATERIALIZED (
    SELECT tenant_id, recipient_id FROM notifications.deliveries
    WHERE state = 'waiting' AND channel = %(channel)s
        AND claimed_until IS NOT NULL AND claimed_until > clock_timestamp()
)
UPDATE notifications.deliveries d
SET claimed_by = %(claim)s, attempts = d.attempts + 1,
    claimed_until = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE d.id = (
    SELECT w.id FROM notifications.deliveries w
    WHERE w.state = 'waiting' AND w.channel = %(channel)s AND w.due_at <= clock_timestamp()
        AND (w.claimed_until IS NULL OR w.claimed_until <= clock_timestamp())
        AND w.recipient_id <> ALL (ARRAY(
            SELECT recipient_id FROM claimed GROUP BY 1 HAVING count(*) >= %(at_once)s))
        AND w.tenant_id <> ALL (ARRAY(
            SELECT tenant_id FROM claimed GROUP BY 1 HAVING count(*) >= %(of_tenant)s))
    ORDER BY w.due_at, w.position LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING d.id, d.tenant_id, d.recipient_id, d.position, d.kind, d.content, d.attempts
"""
# What was sent was sent, even if the claim has run out by now.
_DELIVERED: Final = """
UPDATE notifications.deliveries
SET state = 'delivered', settled_at = clock_timestamp(), claimed_by = NULL, claimed_until = NULL,
    log = log || %(entry)s
WHERE id = %(id)s AND state = 'waiting'
"""
_GIVEN_UP: Final = """
UPDATE notifications.deliveries
SET state = %(state)s, settled_at = clock_timestamp(), claimed_by = NULL, claimed_until = NULL,
    log = log || %(entry)s
WHERE id = %(id)s AND state = 'waiting' AND claimed_by = %(claim)s
"""
_AGAIN: Final = """
UPDATE notifications.deliveries
SET due_at = clock_timestamp() + %(pause)s * interval '1 second',
    claimed_by = NULL, claimed_until = NULL, log = log || %(entry)s
WHERE id = %(id)s AND state = 'waiting' AND claimed_by = %(claim)s
"""
_ADDRESSEE: Final = "SELECT username, email, tenant_name FROM notifications.addressee(%s, %s)"
_ITEM: Final = "SELECT name, tag FROM notifications.item_name(%s, %s, %s)"
_WEBHOOK: Final = (
    "SELECT url, enabled, secret_version, previous_secret_version, previous_until,"
    " clock_timestamp() FROM notifications.webhooks WHERE tenant_id = %s AND id = %s"
)
_FAILING: Final = (
    "UPDATE notifications.webhooks SET failing_since = coalesce(failing_since, clock_timestamp())"
    " WHERE tenant_id = %s AND id = %s AND enabled RETURNING clock_timestamp() - failing_since"
)
_WORKS: Final = (
    "UPDATE notifications.webhooks SET failing_since = NULL"
    " WHERE tenant_id = %s AND id = %s AND failing_since IS NOT NULL"
)
_FORGET: Final = (
    "DELETE FROM notifications.deliveries"
    " WHERE settled_at < clock_timestamp() - %s * interval '1 day'"
)
_WAITING: Final = (
    "SELECT channel, count(*) FROM notifications.deliveries WHERE state = 'waiting' GROUP BY 1"
)


class ClaimLost(Exception):
    """Another process may be sending it by now."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this process's to send, until the claim runs out."""

    id: Id
    tenant_id: Id
    recipient_id: Id
    position: int
    kind: str
    content: dict[str, Any]
    attempt: int
    claim: UUID
    _until: float

    def check(self) -> None:
        """Raise ``ClaimLost`` unless it is still claimed. To be asked as late as possible."""
        if since_boot() >= self._until:
            raise ClaimLost(f"the claim on the delivery {self.id} has run out")


@dataclass(frozen=True, slots=True)
class Addressee:
    """A member of a tenant, as a letter is addressed."""

    username: str
    email: str
    tenant_name: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a webhook leads at this moment. ``secret_versions``: those that sign, newest first."""

    url: str
    enabled: bool
    secret_versions: tuple[int, ...]


class DeliveryStore:
    """Every call raises ``StoreUnavailable`` where the database cannot be had."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(
        self, channel: str, ttl_s: float, at_once: int, of_tenant: int
    ) -> Claimed | None:
        """The next delivery that is due, for ``ttl_s``.

        At most ``at_once`` are claimed of one recipient, and ``of_tenant`` of one tenant.
        """
        asked_at, claim = since_boot(), uuid4()
        values = {
            "claim": claim,
            "ttl": ttl_s,
            "channel": channel,
            "at_once": at_once,
            "of_tenant": of_tenant,
        }
        async with self._connection() as connection:
            cursor = await connection.execute(_CLAIM, values)
            row = await cursor.fetchone()
        if row is None:
            return None
        id, tenant, recipient, position, kind, content, attempt = row
        return Claimed(
            id=from_uuid(id),
            tenant_id=from_uuid(tenant),
            recipient_id=from_uuid(recipient),
            position=position,
            kind=kind,
            content=content,
            attempt=attempt,
            claim=claim,
            _until=asked_at + ttl_s,
        )

    async def settle(
        self, claimed: Claimed, outcome: Outcome, took_s: float, retry_in_s: float | None
    ) -> None:
        """Record what became of it; ``retry_in_s`` None: it is not tried again."""
        values: dict[str, Any] = {
            "id": to_uuid(claimed.id),
            "claim": claimed.claim,
            "entry": Jsonb([_entry(claimed.attempt, outcome, took_s)]),
        }
        match outcome:
            case Sent():
                statement = _DELIVERED
            case NotNow() if retry_in_s is not None:
                statement = _AGAIN
                values["pause"] = retry_in_s
            case NotNow() | Never():
                statement = _GIVEN_UP
                values["state"] = "failed"
            case _:
                statement = _GIVEN_UP
                values["state"] = "dropped"
        async with self._connection() as connection:
            await connection.execute(statement, values)

    async def addressee(self, tenant_id: Id, user_id: Id) -> Addressee | None:
        """A member of the tenant; None for who is none any longer."""
        async with self._connection() as connection:
            cursor = await connection.execute(_ADDRESSEE, (to_uuid(tenant_id), to_uuid(user_id)))
            row = await cursor.fetchone()
        return None if row is None else Addressee(*row)

    async def item_name(self, tenant_id: Id, kind: str, id: Id) -> str | None:
        """What people call a thing of the inventory; None where the mirror does not know it."""
        async with self._connection() as connection:
            values = (to_uuid(tenant_id), kind, to_uuid(id))
            cursor = await connection.execute(_ITEM, values)
            row = await cursor.fetchone()
        if row is None:
            return None
        return " ".join(part for part in (row[0], f"({row[1]})" if row[1] else None) if part)

    async def destination(self, tenant_id: Id, webhook_id: Id) -> Destination | None:
        """Where a webhook leads; None once it is removed."""
        async with self._connection() as connection:
            cursor = await connection.execute(_WEBHOOK, (to_uuid(tenant_id), to_uuid(webhook_id)))
            row = await cursor.fetchone()
        if row is None:
            return None
        url, enabled, version, previous, until, now = row
        signs = previous is not None and until is not None and until > now
        return Destination(url, enabled, (version, previous) if signs else (version,))

    async def webhook_failed(self, tenant_id: Id, webhook_id: Id) -> timedelta:
        """Note that a webhook does not work. Returns for how long it has not."""
        async with self._connection() as connection:
            cursor = await connection.execute(_FAILING, (to_uuid(tenant_id), to_uuid(webhook_id)))
            row = await cursor.fetchone()
        return timedelta() if row is None else row[0]

    async def webhook_works(self, tenant_id: Id, webhook_id: Id) -> None:
        """Note that a webhook works."""
        async with self._connection() as connection:
            await connection.execute(_WORKS, (to_uuid(tenant_id), to_uuid(webhook_id)))

    async def forget(self, days: int) -> int:
        """Delete what was settled so many days ago. Returns how many."""
        async with self._connection() as connection:
            return (await connection.execute(_FORGET, (days,))).rowcount

    async def waiting(self) -> dict[str, int]:
        """How many deliveries wait, by channel."""
        async with self._connection() as connection:
            cursor = await connection.execute(_WAITING)
            return {channel: int(count) for channel, count in await cursor.fetchall()}

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection, severed_after(connection, CALL_S):
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error


def _entry(attempt: int, outcome: Outcome, took_s: float) -> dict[str, Any]:
    error = getattr(outcome, "error", None) or getattr(outcome, "reason", None)
    return {
        "attempt": attempt,
        "at": utc_now().isoformat(timespec="milliseconds"),
        "took_ms": round(took_s * 1000),
        "status": getattr(outcome, "status", None),
        "error": error,
    }
