"""Commands to store, and a small aggregate's worth of handlers."""

import asyncio
from datetime import UTC, datetime
from typing import cast
from uuid import UUID, uuid4

import psycopg

from domain.identity.memberships import Membership
from domain.ids import Id
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.append import Append, NewEvent
from infrastructure.event_store.commands import Envelope, Handler, IdempotencyKey
from infrastructure.ids import new_id, to_uuid
from tests.fixtures.postgres import Database

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TENANT = new_id()
ACTOR = new_id()


def no_facts(_: Id) -> Facts:
    """``domain.ports.Facts`` for handlers that ask for none."""
    return cast("Facts", object())


def append(
    stream: UUID | None = None,
    version: int = 1,
    *,
    events: int = 1,
    checked: tuple[tuple[UUID, int], ...] = (),
    command_id: UUID | None = None,
    fingerprint: bytes | None = None,
    topic: str = "thing.happened.v1",
    tenant: Id = TENANT,
) -> Append:
    """A command whose events are ``version`` and the ones after it, of one stream."""
    stream = stream or uuid4()
    return Append(
        command_id=command_id or uuid4(),
        tenant=to_uuid(tenant),
        actor=to_uuid(ACTOR),
        correlation="a test",
        causation=None,
        events=[
            NewEvent(stream, version + n, topic, b'{"n":%d}' % n, to_uuid(tenant))
            for n in range(events)
        ],
        checked=((stream, version - 1), *checked),
        fingerprint=fingerprint,
        answer=None if fingerprint is None else '{"status":200}',
    )


def envelope(
    key: str | None = None,
    *,
    fingerprint: bytes = b"print",
    tenant: Id = TENANT,
    actor: Id = ACTOR,
    member: tuple[Id, int] | None = None,
    command_id: Id | None = None,
    turn: Id | None = None,
) -> Envelope:
    return Envelope(
        tenant,
        actor,
        "a test",
        member=member,
        key=None if key is None else IdempotencyKey(key, fingerprint),
        command_id=command_id,
        success_status=201,
        location="/memberships/{id}",
        turn=turn,
    )


def join(id: Id, *roles: str, tenant: Id = TENANT) -> Handler:
    """A handler that creates a membership."""

    async def handler(store: Store, facts: Facts) -> Receipt:
        membership = Membership.join(
            to_uuid(id), tenant_id=tenant, user_id=ACTOR, roles=roles, at=NOW
        )
        return await store.save(membership)

    return handler


def add_role(id: Id, role: str, expected_version: int | None = None) -> Handler:
    """A handler that adds one role to a membership."""

    async def handler(store: Store, facts: Facts) -> Receipt:
        membership = await store.load(Membership, id, expected_version)
        membership.change_roles((*membership.roles, role), NOW)
        return await store.save(membership)

    return handler


def read(id: Id) -> Handler:
    """A handler that changes nothing."""

    async def handler(store: Store, facts: Facts) -> Receipt:
        return await store.save(await store.load(Membership, id))

    return handler


async def positions(database: Database) -> list[int]:
    """All positions of the log, as its table has them."""
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as connection:
        cursor = await connection.execute(
            "SELECT notification_id FROM log.stored_events ORDER BY notification_id"
        )
        return [position for (position,) in await cursor.fetchall()]


async def until_somebody_waits_for_the_head(database: Database) -> None:
    """Returns once a backend stands in the queue for the lock on the log's head."""
    async with await psycopg.AsyncConnection.connect(
        database.superuser_url, autocommit=True
    ) as connection:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(10):
            while True:
                cursor = await connection.execute(waiting)
                if await cursor.fetchone() != (0,):
                    return
                await asyncio.sleep(0.01)
