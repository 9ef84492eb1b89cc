"""A world to read: tenants with people, projects and requisitions, put where the readers look.

Aggregates go into the log as their stored form and into the read tables through the real folds,
so what the query API shows is what the command side and the projectors would have made of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from eventsourcing.domain import Aggregate
from sqlalchemy import Connection, Engine, create_engine, delete, insert, make_url, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.caller import Caller
from domain.ids import Id
from domain.projects.project import Project
from domain.requisitions.content import Header, Item, Line
from domain.requisitions.requisition import Requisition
from domain.requisitions.rules import Asked
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import new_id, to_uuid
from infrastructure.security import digest, new_token, permissions_of
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL, parked_events, projection_positions

START: Final = datetime(2026, 11, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """A member of a tenant with a live token."""

    caller: Caller
    username: str
    token: str

    @property
    def id(self) -> Id:
        return self.caller.user_id

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class World:
    """Everything that a test puts into the database. ``position`` is the head of its log."""

    url: str
    position: int = 0
    now: datetime = START
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = create_engine(make_url(self.url).set(drivername="postgresql+psycopg"))

    def execute(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)

    def tenant(self, name: str) -> Id:
        tenant_id = new_id()
        self.execute(
            "INSERT INTO identity.tenants VALUES (:id, :name, now())",
            id=to_uuid(tenant_id),
            name=name,
        )
        return tenant_id

    def role(self, tenant_id: Id, name: str, *permissions: str) -> None:
        self.execute(
            "INSERT INTO identity.roles VALUES (:tenant, :name, :permissions)",
            tenant=to_uuid(tenant_id),
            name=name,
            permissions=list(permissions),
        )

    def person(self, tenant_id: Id, username: str, *roles: str, own: Sequence[str] = ()) -> Person:
        """A member with shipped roles, and with a role of their own for ``own`` permissions."""
        user_id, token = new_id(), new_token()
        held = list(roles)
        if own:
            held.append(f"own of {username}")
            self.role(tenant_id, held[-1], *own)
        self.execute(
            "INSERT INTO identity.users VALUES (:id, :name, :email, 'x', now())",
            id=to_uuid(user_id),
            name=username,
            email=f"{username}@example.org",
        )
        self.execute(
            "INSERT INTO identity.members (tenant_id, user_id, roles, version)"
            " VALUES (:tenant, :user, :roles, 1)",
            tenant=to_uuid(tenant_id),
            user=to_uuid(user_id),
            roles=held,
        )
        self.session(user_id, tenant_id, token)
        permissions = permissions_of(held, list(own))
        return Person(Caller(user_id, tenant_id, permissions, 1), username, token)

    def session(self, user_id: Id, tenant_id: Id | None, token: str) -> None:
        self.execute(
            "INSERT INTO identity.sessions VALUES"
            " (:id, :user, :tenant, :token, now(), now() + interval '1 hour')",
            id=uuid4(),
            user=to_uuid(user_id),
            tenant=None if tenant_id is None else to_uuid(tenant_id),
            token=digest(token),
        )

    def project(self, lead: Person, name: str, *members: Person) -> Id:
        project_id = new_id()
        tenant_id = lead.caller.tenant_id
        project = Project.create(to_uuid(project_id), name, "What it is for", lead.caller, self.now)
        for member in members:
            project.set_member(member.id, "member", lead.caller, self.now)
        self.execute(
            "INSERT INTO identity.projects VALUES (:id, :tenant, :name, NULL, 1)",
            id=to_uuid(project_id),
            tenant=to_uuid(tenant_id),
            name=name,
        )
        for person, role in ((lead, "lead"), *((member, "member") for member in members)):
            self.execute(
                "INSERT INTO identity.project_members VALUES (:tenant, :project, :user, :role)",
                tenant=to_uuid(tenant_id),
                project=to_uuid(project_id),
                user=to_uuid(person.id),
                role=role,
            )
        self.store(project, lead)
        return project_id

    def policy(
        self,
        by: Person,
        name: str,
        *steps: tuple[str, str],
        require_live_availability: bool = False,
    ) -> ApprovalPolicy:
        policy = ApprovalPolicy.add(
            uuid4(),
            tenant_id=by.caller.tenant_id,
            name=name,
            steps=steps,
            min_amount=None,
            project_id=None,
            require_live_availability=require_live_availability,
            at=self.now,
        )
        self.execute(
            "INSERT INTO identity.approval_policies (id, tenant_id, name, steps)"
            " VALUES (:id, :tenant, :name, cast(:steps AS jsonb))",
            id=policy.id,
            tenant=to_uuid(by.caller.tenant_id),
            name=name,
            steps="["
            + ",".join(f'{{"name": "{step}", "permission": "{held}"}}' for step, held in steps)
            + "]",
        )
        self.store(policy, by)
        return policy

    def webhook(self, by: Person, url: str = "https://hooks.example.org/lending") -> Id:
        """A webhook of the tenant's, as the commands leave it: its row, and nothing in the log."""
        webhook_id = new_id()
        self.execute(
            "INSERT INTO notifications.webhooks"
            " (id, tenant_id, url, description, events, enabled, secret_version, version)"
            " VALUES (:id, :tenant, :url, 'Room display', '{requisition.*}', true, 1, 1)",
            id=to_uuid(webhook_id),
            tenant=to_uuid(by.caller.tenant_id),
            url=url,
        )
        return webhook_id

    def draft(
        self, by: Person, project_id: Id, purpose: str = "Measure things", **header: Any
    ) -> Requisition:
        """A draft with one line; not stored yet."""
        lines = (Line(new_id(), Item("purchase", description="Oscilloscope"), 3, "two channels"),)
        return Requisition.draft(
            to_uuid(new_id()),
            project_id,
            Header(purpose=purpose, **header),
            lines,
            self.asked(by),
            project_archived=False,
        )

    def asked(self, by: Person, role: str | None = "member") -> Asked:
        return Asked(by.caller, self.now, role)

    def store(
        self, aggregate: Aggregate, by: Person, *, project: bool = True
    ) -> list[RecordedEvent]:
        """Put the pending events into the log, and into the read tables unless told not to."""
        recorded = []
        with self.engine.begin() as connection:
            for event in aggregate.collect_events():
                self.position += 1
                self.now += timedelta(seconds=1)
                recorded.append(
                    RecordedEvent.of(
                        event,
                        position=self.position,
                        tenant_id=aggregate.tenant_id,  # type: ignore[attr-defined]  # all ours have one
                        recorded_at=self.now,
                        actor_id=by.id,
                        correlation_id="a-request",
                    )
                )
                self._append(connection, recorded[-1])
        if project:
            self.project_events(recorded)
        return recorded

    def project_events(self, recorded: Sequence[RecordedEvent], *, notify: bool = True) -> None:
        """What the projectors do with new events: rows, positions, announcement."""
        with self.engine.begin() as connection:
            for projection in PROJECTIONS:
                for event in recorded:
                    if projection.concerns(event):
                        _fold(connection, projection, event)
            self.move(connection, [one.name for one in PROJECTIONS], notify=notify)

    def move(
        self, connection: Connection, projections: Sequence[str], *, notify: bool = True
    ) -> None:
        """Say that projections are at the head of the log."""
        row = {"version": 1, "epoch": new_id(), "position": self.position}
        for projection in projections:
            connection.execute(
                upsert(projection_positions)
                .values(projection=projection, **row)
                .on_conflict_do_update(index_elements=["projection"], set_=row)
            )
        if notify:
            payload = " ".join(f"{projection}:{self.position}" for projection in projections)
            connection.execute(
                text("SELECT pg_notify(:channel, :payload)"),
                {"channel": READ_CHANNEL, "payload": payload},
            )

    def park(self, projection: str, tenant_id: Id, aggregate_id: Id) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                insert(parked_events).values(
                    projection=projection,
                    position=self.position,
                    tenant_id=tenant_id,
                    aggregate_id=aggregate_id,
                    type="requisition.submitted.v1",
                    error="boom",
                    attempts=5,
                    parked_at=self.now,
                )
            )

    def _append(self, connection: Connection, event: RecordedEvent) -> None:
        connection.execute(
            text(
                "INSERT INTO log.stored_events (notification_id, originator_version, recorded_at,"
                " originator_id, tenant_id, command_id, actor_id, topic, correlation_id, state)"
                " VALUES (:position, :version, :at, :id, :tenant, :command, :actor, :topic,"
                " :correlation, :state)"
            ),
            {
                "position": event.position,
                "version": event.version,
                "at": event.recorded_at,
                "id": event.originator_id,
                "tenant": to_uuid(event.tenant_id),
                "command": UUID(int=event.position),
                "actor": None if event.actor_id is None else to_uuid(event.actor_id),
                "topic": event.topic,
                "correlation": event.correlation_id,
                "state": event.state,
            },
        )
        connection.execute(
            text("UPDATE log.log_head SET position = :position"), {"position": event.position}
        )


def _fold(connection: Connection, projection: Any, event: RecordedEvent) -> None:
    rows = {}
    for owned in projection.tables:
        own = owned.table.c[owned.by] == event.aggregate_id
        found = connection.execute(select(owned.table).where(own)).mappings()
        rows[owned.name] = [] if owned.append_only else [dict(row) for row in found]
    after = projection.fold(rows, event)
    for owned in projection.tables:
        if not owned.append_only:
            own = owned.table.c[owned.by] == event.aggregate_id
            connection.execute(delete(owned.table).where(own))
        if after.get(owned.name):
            connection.execute(insert(owned.table), list(after[owned.name]))
