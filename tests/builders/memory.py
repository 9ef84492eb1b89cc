"""The ports of the domain in memory: a store, and the facts that its identity rows amount to.

What the inventory says is what a test has told the facts.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from eventsourcing.domain import Aggregate

from domain.errors import NotFound, VersionMismatch
from domain.identity import changes
from domain.identity.roles import SHIPPED_ROLES, TENANT_ADMIN
from domain.ids import Id, id_of
from domain.notifications.changes import WebhookAdded, WebhookSet
from domain.ports import (
    CustodianFact,
    InventoryStanding,
    ItemFact,
    MappingFact,
    MemberFact,
    MirroredFact,
    PolicyFact,
    ProjectStanding,
    Receipt,
    RowChange,
    ThingFact,
)
from infrastructure.event_store.topics import decode, encode
from infrastructure.ids import to_uuid
from tests.builders.people import TENANT, membership_of

A = TypeVar("A", bound=Aggregate)
C = TypeVar("C")
StoredRow = tuple[str, bytes]

decoded = lru_cache(maxsize=10_000)(decode)
"""Events never change, and a stream is read again and again."""


class StreamMoved(Exception):
    """What the store answers with a fresh decision."""


class MemoryStore:
    """``domain.ports.Store`` of one tenant. Events go through their stored form."""

    def __init__(self, tenant_id: Id = TENANT) -> None:
        self.tenant_id: Final = tenant_id
        self.streams: Final[dict[Id, list[StoredRow]]] = {}
        self.rows: Final[list[RowChange]] = []
        self.guards: Final[list[tuple[Id, int]]] = []

    async def load(self, kind: type[A], id: Id, expected_version: int | None = None) -> A:
        aggregate: Aggregate | None = None
        for version, (topic, state) in enumerate(self.streams.get(id, ()), start=1):
            event = decoded(to_uuid(id), version, topic, state)
            aggregate = cast("Aggregate", event.mutate(aggregate))
        if not isinstance(aggregate, kind):
            raise NotFound
        if expected_version not in (None, aggregate.version):
            raise VersionMismatch(expected_version or 0, aggregate.version)
        return aggregate

    async def save(
        self,
        aggregate: Aggregate,
        *others: Aggregate,
        changes: Sequence[RowChange] = (),
        unchanged: Sequence[tuple[Id, int]] = (),
        line_id: Id | None = None,
    ) -> Receipt:
        for id, version in unchanged:
            if len(self.streams.get(id, ())) != version:
                raise StreamMoved(id)
        pending = [(saved, saved.collect_events()) for saved in (aggregate, *others)]
        for saved, events in pending:
            # As in the log, what comes without events must not have moved either.
            if len(self.streams.get(id_of(saved.id), ())) != saved.version - len(events):
                raise StreamMoved(id_of(saved.id))
        for saved, events in pending:
            self._append(id_of(saved.id), events)
        self.rows.extend(changes)
        self.guards[:] = unchanged
        position = sum(len(stream) for stream in self.streams.values())
        return Receipt(id_of(aggregate.id), aggregate.version, position, line_id)

    async def note(self, id: Id, changes: Sequence[RowChange]) -> Receipt:
        self.rows.extend(changes)
        return Receipt(id, 1, sum(len(stream) for stream in self.streams.values()))

    def _append(self, id: Id, events: Sequence[Any]) -> None:
        self.streams.setdefault(id, []).extend(map(encode, events))

    @property
    def topics(self) -> list[str]:
        """The stored names of everything that happened, stream by stream."""
        return [topic for stream in self.streams.values() for topic, _ in stream]


class MemoryFacts:
    """``domain.ports.Facts``, read from the identity rows of a store.

    ``standing`` is the inventory, which can be asked until a test says otherwise; its things and
    custodians are those that ``has_item`` and ``has_custodian`` were told.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.archived: Final[set[Id]] = set()
        self.told: Final[set[int]] = set()
        self.standing = InventoryStanding(connected=True, available=True)
        self.items: Final[dict[tuple[str, Id], ItemFact]] = {}
        self.custodians: Final[dict[tuple[str, Id], CustodianFact]] = {}
        self.mappings: Final[dict[Id, MappingFact]] = {}
        self.things: Final[dict[tuple[str, int], MirroredFact]] = {}
        self.known: Final[dict[tuple[str, Id], ThingFact]] = {}

    def has_item(
        self,
        kind: str,
        id: Id,
        external_id: int = 17,
        *,
        model_id: Id | None = None,
        deployable: bool | None = None,
        remaining: int | None = None,
        holder: tuple[str, int] | None = None,
    ) -> ItemFact:
        """Let the inventory have a thing: an asset that nobody has can be handed out."""
        if kind == "asset" and deployable is None:
            deployable = holder is None
        as_of = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
        fact = ItemFact(kind, id, external_id, model_id, deployable, remaining, holder, as_of)
        self.items[kind, id] = fact
        self.mappings[id] = MappingFact(kind, id, external_id)
        return fact

    def has_custodian(self, kind: str, id: Id, external_id: int | None = 5) -> CustodianFact:
        """Let a member or a location be known, under a number of the inventory or unmapped."""
        fact = CustodianFact(kind, id, external_id)
        self.custodians[kind, id] = fact
        self.mappings[id] = MappingFact(kind, id, external_id)
        if external_id is not None:
            self.things[kind, external_id] = MirroredFact(kind, external_id, id)
        return fact

    def has_thing(
        self,
        kind: str,
        id: Id,
        external_id: int = 17,
        *,
        removed: bool = False,
        type: str | None = None,
        holder: tuple[str, int] | None = None,
    ) -> ThingFact:
        """Let the inventory have anything, or have had it."""
        fact = ThingFact(kind, id, external_id, removed, type, holder)
        self.known[kind, id] = fact
        return fact

    async def inventory(self) -> InventoryStanding:
        return self.standing

    async def inventory_item(self, kind: str, id: Id) -> ItemFact | None:
        return self.items.get((kind, id))

    async def inventory_thing(self, kind: str, id: Id) -> ThingFact | None:
        return self.known.get((kind, id))

    async def custodian(self, kind: str, id: Id) -> CustodianFact | None:
        return self.custodians.get((kind, id))

    async def mapping(self, id: Id) -> MappingFact | None:
        return self.mappings.get(id)

    async def has_mappings(self) -> bool:
        return bool(self.mappings)

    async def mirrored(self, kind: str, external_id: int) -> MirroredFact | None:
        return self.things.get((kind, external_id))

    async def project_standing(self, project_id: Id, user_id: Id) -> ProjectStanding | None:
        if not self._all(changes.ProjectAdded, project_id=project_id):
            return None
        role: str | None = None
        for row in self._store.rows:
            match row:
                case changes.ProjectMemberSet(project_id=p, user_id=u, role=set_to):
                    role = set_to if (p, u) == (project_id, user_id) else role
                case changes.ProjectMemberGone(project_id=p, user_id=u):
                    role = None if (p, u) == (project_id, user_id) else role
                case _:
                    continue
        version = len(self._store.streams.get(project_id, ()))
        return ProjectStanding(project_id, project_id in self.archived, role, version)

    async def approval_policies(self) -> Sequence[PolicyFact]:
        return [
            PolicyFact(
                row.policy_id,
                row.name,
                row.steps,
                row.min_amount,
                row.project_id,
                row.require_live_availability,
            )
            for row in self._all(changes.PolicyAdded)
        ]

    async def member(self, user_id: Id) -> MemberFact | None:
        held = self._members().get(user_id)
        if held is None:
            return None
        known = await self.roles()
        permissions = frozenset().union(*(known[role] for role in held.roles))
        membership_id = membership_of(user_id, self._store.tenant_id)
        return MemberFact(user_id, membership_id, permissions, held.version)

    async def administrators(self) -> Sequence[MemberFact]:
        members = [
            await self.member(user_id)
            for user_id, row in self._members().items()
            if TENANT_ADMIN in row.roles
        ]
        return [member for member in members if member is not None]

    async def roles(self) -> Mapping[str, frozenset[str]]:
        own = {row.name: frozenset(row.permissions) for row in self._all(changes.RoleAdded)}
        return {**own, **SHIPPED_ROLES}

    async def has_event(self, position: int, topics: Collection[str]) -> bool:
        return position in self.told and bool(topics)

    async def webhook_count(self) -> int:
        return len(self._all(WebhookAdded))

    async def webhook_url(self, webhook_id: Id) -> str | None:
        added = self._all(WebhookAdded, webhook_id=webhook_id)
        later = self._all(WebhookSet, webhook_id=webhook_id)
        urls = [row.url for row in added] + [row.url for row in later if row.url is not None]
        return urls[-1] if urls else None

    def _members(self) -> dict[Id, changes.RolesGranted]:
        return {row.user_id: row for row in self._all(changes.RolesGranted)}

    def _all(self, kind: type[C], **fields: object) -> list[C]:
        return [
            row
            for row in self._store.rows
            if isinstance(row, kind)
            and all(getattr(row, name) == value for name, value in fields.items())
        ]
