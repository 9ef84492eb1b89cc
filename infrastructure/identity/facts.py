"""The facts that a handler may ask for, read from the identity tables under its tenant."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from domain.identity.roles import SHIPPED_ROLES, TENANT_ADMIN
from domain.ids import Id
from domain.ports import MemberFact, PolicyFact, ProjectStanding
from infrastructure.ids import derived_id, from_uuid, to_uuid
from infrastructure.security import permissions_of

_PROJECT_STANDING: Final = (
    "SELECT archived, role, version FROM identity.project_standing(%s, %s, %s)"
)
_POLICIES: Final = "SELECT id, name, steps, min_amount, project_id FROM identity.policies_of(%s)"
_MEMBER: Final = "SELECT user_id, roles, permissions, version FROM identity.member_of(%s, %s)"
_HOLDERS: Final = "SELECT user_id, roles, permissions, version FROM identity.members_with(%s, %s)"
_ROLES: Final = "SELECT name, permissions FROM identity.roles_of(%s)"


class TenantFacts:
    """``domain.ports.Facts`` of one tenant.

    ``pool`` hands out autocommit connections: each question is one round trip, and a transaction
    of its own. Errors of the driver and the pool pass through.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[TupleRow]], tenant_id: Id) -> None:
        self._pool = pool
        self._tenant_id = tenant_id
        self._tenant = to_uuid(tenant_id)

    async def project_standing(self, project_id: Id, user_id: Id) -> ProjectStanding | None:
        """The user's place in a project; None where the tenant has no such project."""
        rows = await self._read(_PROJECT_STANDING, to_uuid(project_id), to_uuid(user_id))
        if not rows:
            return None
        archived, role, version = rows[0]
        return ProjectStanding(project_id, archived, role, version)

    async def approval_policies(self) -> Sequence[PolicyFact]:
        """All approval policies of the tenant, oldest first."""
        return [_policy(*row) for row in await self._read(_POLICIES)]

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

    def _member(self, user: UUID, roles: list[str], own: list[str], version: int) -> MemberFact:
        user_id = from_uuid(user)
        membership_id = derived_id("membership", self._tenant_id, user_id)
        return MemberFact(user_id, membership_id, permissions_of(roles, own), version)

    async def _read(self, query: LiteralString, *values: UUID | str) -> list[TupleRow]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query, (self._tenant, *values), prepare=True)
            return await cursor.fetchall()


def _policy(
    id: UUID,
    name: str,
    steps: list[dict[str, str]],
    min_amount: Decimal | None,
    project_id: UUID | None,
) -> PolicyFact:
    return PolicyFact(
        id=from_uuid(id),
        name=name,
        steps=tuple((step["name"], step["permission"]) for step in steps),
        min_amount=None if min_amount is None else str(min_amount),
        project_id=None if project_id is None else from_uuid(project_id),
    )
