"""The roles that bundle permissions: the shipped ones and a tenant's own."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.ids import Id
from domain.permissions import (
    ASSETS_WRITE,
    ASSIGNMENTS_EXTEND,
    ASSIGNMENTS_ISSUE,
    ASSIGNMENTS_ISSUE_OFFLINE,
    ASSIGNMENTS_READ,
    ASSIGNMENTS_RETURN,
    AUDIT_READ,
    INVENTORY_MANAGE,
    INVENTORY_READ,
    PERMISSIONS,
    PROJECTS_READ,
    REQUISITIONS_APPROVE,
    REQUISITIONS_APPROVE_OWN,
    REQUISITIONS_CREATE,
    REQUISITIONS_FULFIL,
    REQUISITIONS_READ,
    USERS_READ,
)

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
