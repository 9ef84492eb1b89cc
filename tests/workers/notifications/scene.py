"""A lab with people, and what is planned and sent for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from domain.ids import Id
from domain.requisitions import events
from infrastructure.ids import from_uuid, to_uuid
from tests.builders import told
from tests.builders.told import Stream
from tests.fixtures.postgres import Database
from tests.query_api.world import Person, World


@dataclass(frozen=True)
class _Actor:
    id: Id | None


@dataclass
class Scene:
    """The lab, and its log as it grows."""

    database: Database
    world: World
    tenant_id: Id
    ann: Person
    ben: Person
    manager: Person
    admin: Person
    project_id: Id

    def put(self, stream: Stream, actor_id: Id | None = None) -> Stream:
        """Append what is new of a stream, as at this moment, and ring."""
        self.world.now = datetime.now(UTC)
        ((self.world.position,),) = self.ask("SELECT position FROM log.log_head")
        self.world.store(stream, _Actor(actor_id), project=False)  # type: ignore[arg-type]  # as an aggregate
        self.world.execute("SELECT pg_notify('qm_log', '')")
        return stream

    def approved(self, purpose: str = "Film day") -> Stream:
        """A requisition of Ann's for Ben, approved."""
        stream = told.requisition(self.ann.id, self.ben.id, tenant=self.tenant_id, purpose=purpose)
        return self.put(stream.then(events.Approved))

    def reserved(self, custodian: Person | None = None, **fields: Any) -> Stream:
        """A camera that is kept for Ann."""
        whom = (custodian or self.ann).id
        return told.reserved(
            whom, tenant=self.tenant_id, **{"project_id": self.project_id, **fields}
        )

    def webhook(self, url: str, *patterns: str, by: Person | None = None) -> Id:
        """A webhook that wants these events."""
        webhook_id = self.world.webhook(by or self.admin, url)
        self.world.execute(
            "UPDATE notifications.webhooks SET events = :events WHERE id = :id",
            events=list(patterns),
            id=to_uuid(webhook_id),
        )
        return webhook_id

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows, seen from outside."""
        with psycopg.connect(self.database.superuser_url, connect_timeout=5) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def deliveries(self, channel: str = "email") -> Sequence[tuple[Id, str, str]]:
        """Whom what was planned for, and what became of it."""
        rows = self.ask(
            "SELECT recipient_id, kind, state FROM notifications.deliveries WHERE channel = %s"
            " ORDER BY position, kind",
            channel,
        )
        return sorted((from_uuid(recipient), kind, state) for recipient, kind, state in rows)


def scene_of(database: Database) -> Scene:
    """A lab with a requester, another, who cares for the inventory, and an administrator."""
    world = World(database.superuser_url)
    tenant_id = world.tenant("Media lab")
    admin = world.person(tenant_id, "admin", "auditor", own=("tenant:manage", "projects:write"))
    project_id = world.project(admin, "Robot arm")
    return Scene(
        database=database,
        world=world,
        tenant_id=tenant_id,
        ann=world.person(tenant_id, "ann", "requester"),
        ben=world.person(tenant_id, "ben", "requester"),
        manager=world.person(tenant_id, "manager", "inventory_manager"),
        admin=admin,
        project_id=project_id,
    )
