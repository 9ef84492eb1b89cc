"""How far the log has been looked at for whom to tell, and what was found: written together."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import PoolTimeout

from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from domain.notifications.notices import Audience
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import derived_id, from_uuid, to_uuid
from infrastructure.postgres import Connection, Pool, severed_after

CONSUMER: Final = "notifications"
TRANSACTION_S: Final = 20.0

_BEGIN: Final = (
    "INSERT INTO notifications.positions (consumer, log_epoch, position) VALUES (%s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
_LOCK: Final = (
    "SELECT log_epoch, position FROM notifications.positions WHERE consumer = %s"
    " FOR UPDATE SKIP LOCKED"
)
_MOVE: Final = (
    "UPDATE notifications.positions SET log_epoch = %s, position = %s WHERE consumer = %s"
)
_POSITION: Final = "SELECT position FROM notifications.positions WHERE consumer = %s"
_AUDIENCE: Final = "SELECT user_id FROM notifications.audience(%s, %s, %s, %s, %s)"
_SWITCHED_OFF: Final = (
    "SELECT user_id FROM notifications.switched_off"
    " WHERE tenant_id = %s AND user_id = ANY (%s) AND kind = %s AND channel = %s"
)
_WEBHOOKS: Final = (
    "SELECT id, tenant_id, events, created_at FROM notifications.webhooks"
    " WHERE enabled AND tenant_id = ANY (%s) ORDER BY id"
)
_ADD: Final = (
    "INSERT INTO notifications.deliveries"
    " (id, tenant_id, log_epoch, position, recipient_id, channel, kind, content)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a webhook that is switched on wants, and since when."""

    webhook_id: Id
    tenant_id: Id
    events: tuple[str, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    """Something to be sent: ``recipient_id`` is a user, or a webhook."""

    tenant_id: Id
    position: int
    recipient_id: Id
    channel: str
    kind: str
    content: Mapping[str, Any]


class Planning:
    """One transaction, in which nobody else looks at the log for whom to tell.

    ``position`` is the last one looked at, of the log of ``epoch``.
    """

    def __init__(self, connection: Connection, epoch: Id, position: int) -> None:
        self._connection = connection
        self.epoch = epoch
        self.position = position

    async def people(self, tenant_id: Id, audience: Audience) -> list[Id]:
        """The members of the tenant who belong to an audience at this moment."""
        values = (
            to_uuid(tenant_id),
            [to_uuid(person) for person in sorted(audience.people)],
            None if audience.leads_of is None else to_uuid(audience.leads_of),
            audience.permission,
            _bundles_with(audience.permission),
        )
        cursor = await self._connection.execute(_AUDIENCE, values)
        return [from_uuid(user) for (user,) in await cursor.fetchall()]

    async def without_those_who_object(
        self, tenant_id: Id, people: Sequence[Id], kind: str, channel: str
    ) -> list[Id]:
        """The people who have not switched this kind off for this channel."""
        users = [to_uuid(person) for person in people]
        cursor = await self._connection.execute(
            _SWITCHED_OFF, (to_uuid(tenant_id), users, kind, channel)
        )
        objecting = {from_uuid(user) for (user,) in await cursor.fetchall()}
        return [person for person in people if person not in objecting]

    async def subscriptions(self, tenants: Collection[Id]) -> list[Subscription]:
        """The webhooks of these tenants that are switched on."""
        cursor = await self._connection.execute(_WEBHOOKS, ([to_uuid(one) for one in tenants],))
        return [
            Subscription(from_uuid(id), from_uuid(tenant), tuple(events), since)
            for id, tenant, events, since in await cursor.fetchall()
        ]

    async def add(self, planned: Sequence[Planned]) -> None:
        """Keep what is to be sent. What was planned before stays as it is."""
        rows = [self._row(one) for one in planned]
        if rows:
            async with self._connection.cursor() as cursor:
                await cursor.executemany(_ADD, rows)

    async def move(self, position: int) -> None:
        """Everything up to here was looked at."""
        await self._connection.execute(_MOVE, (to_uuid(self.epoch), position, CONSUMER))

    def _row(self, planned: Planned) -> tuple[object, ...]:
        recipient, channel = planned.recipient_id, planned.channel
        id = derived_id("delivery", self.epoch, str(planned.position), recipient, channel)
        return (
            to_uuid(id),
            to_uuid(planned.tenant_id),
            to_uuid(self.epoch),
            planned.position,
            to_uuid(recipient),
            channel,
            planned.kind,
            Jsonb(planned.content),
        )


class PlanningStore:
    """Every call raises ``StoreUnavailable`` where the database cannot be had."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def begin(self, epoch: Id, head: int) -> None:
        """Where nothing was looked at before: begin at the end of the log."""
        async with self._connection() as connection:
            await connection.execute(_BEGIN, (CONSUMER, to_uuid(epoch), head))

    async def position(self) -> int:
        """How far the log was looked at."""
        async with self._connection() as connection:
            cursor = await connection.execute(_POSITION, (CONSUMER,))
            row = await cursor.fetchone()
        return 0 if row is None else int(row[0])

    @asynccontextmanager
    async def planning(self, epoch: Id, head: int) -> AsyncIterator[Planning | None]:
        """A transaction on the position; None while another process has one.

        In a log that was restored, and so has another epoch, it goes on where that one ends: what
        is before was told, or not, from the same events.
        """
        async with self._connection() as connection, connection.transaction():
            cursor = await connection.execute(_LOCK, (CONSUMER,))
            row = await cursor.fetchone()
            if row is None:
                yield None
                return
            position = row[1] if from_uuid(row[0]) == epoch else min(row[1], head)
            yield Planning(connection, epoch, position)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with (
                self._pool.connection() as connection,
                severed_after(connection, TRANSACTION_S),
            ):
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error


def _bundles_with(permission: str | None) -> list[str]:
    return sorted(name for name, held in SHIPPED_ROLES.items() if permission in held)
