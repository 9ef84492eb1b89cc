"""Permissions and the roles that bundle them: the shipped ones and a tenant's own."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.ids import Id

TENANT_MANAGE: Final = "tenant:manage"
USERS_WRITE: Final = "users:write"
USERS_READ: Final = "users:read"
PROJECTS_WRITE: Final = "projects:write"
PROJECTS_READ: Final = "projects:read"
APPROVAL_POLICIES_WRITE: Final = "approval-policies:write"
REQUISITIONS_CREATE: Final = "requisitions:create"
REQUISITIONS_READ: Final = "requisitions:read"
REQUISITIONS_APPROVE: Final = "requisitions:approve"
REQUISITIONS_APPROVE_OWN: Final = "requisitions:approve-own"
REQUISITIONS_FULFIL: Final = "requisitions:fulfil"
AUDIT_READ: Final = "audit:read"
ASSIGNMENTS_READ: Final = "assignments:read"
ASSIGNMENTS_ISSUE: Final = "assignments:issue"
ASSIGNMENTS_ISSUE_OFFLINE: Final = "assignments:issue-offline"
ASSIGNMENTS_RETURN: Final = "assignments:return"
ASSIGNMENTS_EXTEND: Final = "assignments:extend"
INVENTORY_READ: Final = "inventory:read"
INVENTORY_MANAGE: Final = "inventory:manage"
ASSETS_WRITE: Final = "assets:write"

PERMISSIONS: Final = frozenset(
    {
        TENANT_MANAGE,
        USERS_WRITE,
        USERS_READ,
        PROJECTS_WRITE,
        PROJECTS_READ,
        APPROVAL_POLICIES_WRITE,
        REQUISITIONS_CREATE,
        REQUISITIONS_READ,
        REQUISITIONS_APPROVE,
        REQUISITIONS_APPROVE_OWN,
        REQUISITIONS_FULFIL,
        AUDIT_READ,
        ASSIGNMENTS_READ,
        ASSIGNMENTS_ISSUE,
        ASSIGNMENTS_ISSUE_OFFLINE,
        ASSIGNMENTS_RETURN,
        ASSIGNMENTS_EXTEND,
        INVENTORY_READ,
        INVENTORY_MANAGE,
        ASSETS_WRITE,
    }
)
"""The permissions that the system itself asks for. A policy's step may name others."""

TENANT_ADMIN: Final = "tenant_admin"
_REQUESTER: Final = frozenset({REQUISITIONS_CREATE, REQUISITIONS_READ, INVENTORY_READ})
_APPROVER: Final = _REQUESTER | {REQUISITIONS_APPROVE}
_TECHNICIAN: Final = _APPROVER | {
    REQUISITIONS_FULFIL,
    ASSIGNMENTS_READ,
    ASSIGNMENTS_ISSUE,
    ASSIGNMENTS_RETURN,
    ASSIGNMENTS_EXTEND,
}

SHIPPED_ROLES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "requester": _REQUESTER,
        "approver": _APPROVER,
        "technician": _TECHNICIAN,
        "inventory_manager": _TECHNICIAN
        | {ASSIGNMENTS_ISSUE_OFFLINE, INVENTORY_MANAGE, ASSETS_WRITE},
        "auditor": frozenset(
            {
                AUDIT_READ,
                PROJECTS_READ,
                REQUISITIONS_READ,
                USERS_READ,
                ASSIGNMENTS_READ,
                INVENTORY_READ,
            }
        ),
        TENANT_ADMIN: PERMISSIONS - {REQUISITIONS_APPROVE_OWN},
    }
)
"""The roles that every tenant has, with their permissions."""


class Role(Aggregate):
    """A tenant's own bundle of permissions. Its stream's id is derived from tenant and name."""

    TOPIC = "role"

    class Event(Aggregate.Event):
        """What happened to a role."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "role.created.v1"

    class Added(Event, Created):
        """A tenant has a new role."""

        TOPIC = "role.added.v1"
        tenant_id: Id
        name: str
        permissions: list[str]

    def __init__(self, tenant_id: Id, name: str, permissions: list[str]) -> None:
        self.tenant_id = tenant_id
        self.name = name
        self.permissions = tuple(permissions)

    @classmethod
    def add(
        cls, id: UUID, *, tenant_id: Id, name: str, permissions: tuple[str, ...], at: datetime
    ) -> Self:
        """A new role of the tenant's own."""
        return cls._create(
            cls.Added,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            name=name,
            permissions=list(permissions),
        )
