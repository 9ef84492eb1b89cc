"""Rows of the identity tables, as plain facts that a handler hands to the store.

Sign-in, revocation and permission must never wait for a projector, so these rows are written
in the transaction of the events that they go with. Names, addresses and credentials stand here
and in the identity tables only: events carry ids.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.ids import Id


@dataclass(frozen=True, slots=True)
class UserAdded:
    """A global user. ``password_hash`` is argon2id in its encoded form."""

    user_id: Id
    username: str
    email: str
    password_hash: str
    at: datetime


@dataclass(frozen=True, slots=True)
class TenantAdded:
    """A tenant."""

    tenant_id: Id
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RolesGranted:
    """A user's place in the tenant: joins it, or replaces the roles held there.

    ``version`` is the version of the membership's stream after the event.
    """

    tenant_id: Id
    user_id: Id
    roles: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class RoleAdded:
    """A role of the tenant's own."""

    tenant_id: Id
    name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A bearer token, known by its SHA-256 alone."""

    session_id: Id
    user_id: Id
    tenant_id: Id | None
    token_sha256: bytes
    at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session whose token is dead from this transaction on."""

    session_id: Id
    at: datetime


@dataclass(frozen=True, slots=True)
class ProjectAdded:
    """A project of the tenant. ``version`` is that of its stream after the event."""

    tenant_id: Id
    project_id: Id
    name: str
    version: int


@dataclass(frozen=True, slots=True)
class ProjectMemberSet:
    """A member of a project, or their new role (``member`` or ``lead``)."""

    tenant_id: Id
    project_id: Id
    user_id: Id
    role: str
    version: int


@dataclass(frozen=True, slots=True)
class ProjectMemberGone:
    """Somebody who is no longer a member of the project."""

    tenant_id: Id
    project_id: Id
    user_id: Id
    version: int


@dataclass(frozen=True, slots=True)
class PolicyAdded:
    """An approval policy: ``steps`` are (name, permission) pairs in order."""

    tenant_id: Id
    policy_id: Id
    name: str
    steps: tuple[tuple[str, str], ...]
    min_amount: str | None
    project_id: Id | None
    require_live_availability: bool


IdentityChange = (
    UserAdded
    | TenantAdded
    | RolesGranted
    | RoleAdded
    | SessionOpened
    | SessionClosed
    | ProjectAdded
    | ProjectMemberSet
    | ProjectMemberGone
    | PolicyAdded
)
