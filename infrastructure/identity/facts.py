"""The facts that a handler may ask for, read from identity and inventory under its tenant."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Final, LiteralString
from uuid import UUID

from psycopg.rows import TupleRow

from domain.identity.roles import SHIPPED_ROLES, TENANT_ADMIN
from domain.ids import Id
from domain.ports import (
    CustodianFact,
    InventoryStanding,
    ItemFact,
    MappingFact,
    MemberFact,
    MirroredFact,
    PolicyFact,
    ProjectStanding,
    ThingFact,
)
from infrastructure.batcher import Batcher
from infrastructure.ids import derived_id, from_uuid, to_uuid
from infrastructure.inventory import facts as inventory
from infrastructure.inventory.kinds import TABLES
from infrastructure.postgres import Pool, severed_after
from infrastructure.security import permissions_of

DEADLINE_S: Final = 2.0

_STANDINGS: Final = (
    "SELECT number, archived, role, version FROM identity.project_standings(%s, %s, %s)"
)
_POLICIES: Final = (
    "SELECT tenant_id, id, name, steps, min_amount, project_id, require_live_availability"
    " FROM identity.policies_of(%s)"
)
_MEMBER: Final = "SELECT user_id, roles, permissions, version FROM identity.member_of(%s, %s)"
_HOLDERS: Final = "SELECT user_id, roles, permissions, version FROM identity.members_with(%s, %s)"
_ROLES: Final = "SELECT name, permissions FROM identity.roles_of(%s)"
_HAS_EVENT: Final = "SELECT found FROM notifications.has_event(%s, %s, %s)"
_WEBHOOKS: Final = "SELECT webhooks FROM notifications.webhook_count(%s)"
_WEBHOOK_URL: Final = "SELECT url FROM notifications.webhook_url(%s, %s)"

_Place = tuple[UUID, UUID, UUID]
"""A tenant, a project, a user."""
_Standing = tuple[bool, str | None, int]


class FactSource:
    """The facts of all tenants, through a pool of autocommit connections.

    What several commands ask at the same time is asked together. Errors of the driver and the
    pool pass through.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.standings = Batcher(self._find_standings)
        self.policies = Batcher(self._find_policies)

    def of(self, tenant_id: Id) -> "TenantFacts":
        """The facts of one tenant."""
        return TenantFacts(self, tenant_id)

    async def read(self, query: LiteralString, *values: object) -> list[TupleRow]:
        """The rows of one function, in a transaction of its own: one round trip."""
        async with (
            self._pool.connection() as connection,
            severed_after(connection, DEADLINE_S),
        ):
            cursor = await connection.execute(query, values, prepare=True)
            return await cursor.fetchall()

    async def _find_standings(self, asked: list[_Place]) -> dict[_Place, _Standing]:
        tenants, projects, users = map(list, zip(*asked, strict=True))
        rows = await self.read(_STANDINGS, tenants, projects, users)
        return {asked[number - 1]: (archived, role, at) for number, archived, role, at in rows}

    async def _find_policies(self, asked: list[UUID]) -> dict[UUID, list[PolicyFact]]:
        found: dict[UUID, list[PolicyFact]] = {}
        for tenant, *policy in await self.read(_POLICIES, asked):
            found.setdefault(tenant, []).append(_policy(*policy))
        return found


class TenantFacts:
    """``domain.ports.Facts`` of one tenant."""

    def __init__(self, source: FactSource, tenant_id: Id) -> None:
        self._source = source
        self._tenant_id = tenant_id
        self._tenant = to_uuid(tenant_id)

    async def project_standing(self, project_id: Id, user_id: Id) -> ProjectStanding | None:
        """The user's place in a project; None where the tenant has no such project."""
        place = (self._tenant, to_uuid(project_id), to_uuid(user_id))
        standing = await self._source.standings.get(place)
        return None if standing is None else ProjectStanding(project_id, *standing)

    async def approval_policies(self) -> Sequence[PolicyFact]:
        """All approval policies of the tenant, oldest first."""
        return await self._source.policies.get(self._tenant) or ()

    async def member(self, user_id: Id) -> MemberFact | None:
        """A member of the tenant; None for anyone else."""
        rows = await self._read(_MEMBER, to_uuid(user_id))
        return self._member(*rows[0]) if rows else None

    async def administrators(self) -> Sequence[MemberFact]:
        """The members who hold the shipped role ``tenant_admin``."""
        return [self._member(*row) for row in await self._read(_HOLDERS, TENANT_ADMIN)]

    async def roles(self) -> Mapping[str, frozenset[str]]:
        """The roles that the tenant can grant, shipped and its own, with their permissions."""
        own = {name: frozenset(permissions) for name, permissions in await self._read(_ROLES)}
        return {**own, **SHIPPED_ROLES}

    async def inventory(self) -> InventoryStanding:
        """The tenant's inventory and the circuit to it."""
        return inventory.standing(await self._read(inventory.STANDING))

    async def inventory_item(self, kind: str, id: Id) -> ItemFact | None:
        """A thing of the inventory by our id; None where the tenant has no such thing."""
        return inventory.item(kind, id, await self._read(inventory.ITEM, kind, to_uuid(id)))

    async def inventory_thing(self, kind: str, id: Id) -> ThingFact | None:
        """Anything of the inventory by our id, removed or not; None for what it never had."""
        return inventory.thing(kind, id, await self._read(inventory.THING, kind, to_uuid(id)))

    async def custodian(self, kind: str, id: Id) -> CustodianFact | None:
        """A member (``user``) or a ``location``; None where the tenant has none such."""
        rows = await self._read(inventory.CUSTODIAN, kind, to_uuid(id))
        return inventory.custodian(kind, id, rows)

    async def mapping(self, id: Id) -> MappingFact | None:
        """What our id stands for in the inventory; None where it was never mapped."""
        return inventory.mapping(id, await self._read(inventory.MAPPING, to_uuid(id)))

    async def has_mappings(self) -> bool:
        """Whether ids of ours were ever given to things of the inventory."""
        ((found,),) = await self._read(inventory.HAS_MAPPINGS)
        return bool(found)

    async def mirrored(self, kind: str, external_id: int) -> MirroredFact | None:
        """A thing by its number over there; None where the mirror has none such, or no longer."""
        if kind not in TABLES:
            return None
        rows = await self._read(inventory.MIRRORED, TABLES[kind], external_id)
        return inventory.mirrored(kind, external_id, rows)

    async def has_event(self, position: int, topics: Collection[str]) -> bool:
        """Whether the tenant's log has an event of one of these names at a position."""
        ((found,),) = await self._source.read(_HAS_EVENT, self._tenant, position, sorted(topics))
        return bool(found)

    async def webhook_count(self) -> int:
        """How many webhooks the tenant has."""
        ((webhooks,),) = await self._read(_WEBHOOKS)
        return int(webhooks)

    async def webhook_url(self, webhook_id: Id) -> str | None:
        """The address of a webhook, which is in no event; None where the tenant has none such."""
        rows = await self._read(_WEBHOOK_URL, to_uuid(webhook_id))
        return rows[0][0] if rows else None

    def _member(self, user: UUID, roles: list[str], own: list[str], version: int) -> MemberFact:
        user_id = from_uuid(user)
        membership_id = derived_id("membership", self._tenant_id, user_id)
        return MemberFact(user_id, membership_id, permissions_of(roles, own), version)

    async def _read(self, query: LiteralString, *values: UUID | str | int) -> list[TupleRow]:
        return await self._source.read(query, self._tenant, *values)


def _policy(
    id: UUID,
    name: str,
    steps: list[dict[str, str]],
    min_amount: Decimal | None,
    project_id: UUID | None,
    require_live_availability: bool,
) -> PolicyFact:
    return PolicyFact(
        id=from_uuid(id),
        name=name,
        steps=tuple((step["name"], step["permission"]) for step in steps),
        min_amount=None if min_amount is None else str(min_amount),
        project_id=None if project_id is None else from_uuid(project_id),
        require_live_availability=require_live_availability,
    )
