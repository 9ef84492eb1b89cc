"""The rows of the identity tables that go with a command's events.

The event writer calls ``write`` in the command's own transaction. A row that the tables refuse
becomes the domain's refusal, by the name of the constraint.
"""

from functools import singledispatch
from typing import Any, Final, LiteralString

from psycopg import AsyncConnection, IntegrityError
from psycopg.types.json import Jsonb

from domain.approval_policies.errors import PolicyNameTaken
from domain.errors import InvalidField, Refused
from domain.identity.changes import (
    IdentityChange,
    PolicyAdded,
    ProjectAdded,
    ProjectMemberGone,
    ProjectMemberSet,
    RoleAdded,
    RolesGranted,
    SessionClosed,
    SessionOpened,
    TenantAdded,
    UserAdded,
)
from domain.identity.errors import EmailTaken, RoleNameTaken, UsernameTaken
from infrastructure.ids import to_uuid

Statement = tuple[LiteralString, tuple[object, ...]]

_PROJECT_VERSION: Final = (
    "UPDATE identity.projects SET version = %s WHERE tenant_id = %s AND id = %s AND version < %s"
)

_ADD_USER: Final = (
    "INSERT INTO identity.users (id, username, email, password_hash, created_at)"
    " VALUES (%s, %s, %s, %s, %s)"
)

_GRANT_ROLES: Final = (
    "INSERT INTO identity.members AS m (tenant_id, user_id, roles, version)"
    " VALUES (%s, %s, %s, %s) ON CONFLICT (tenant_id, user_id)"
    " DO UPDATE SET roles = excluded.roles, version = excluded.version"
    " WHERE m.version < excluded.version"
)

_OPEN_SESSION: Final = (
    "INSERT INTO identity.sessions"
    " (id, user_id, tenant_id, token_sha256, created_at, expires_at)"
    " VALUES (%s, %s, %s, %s, %s, %s)"
)

_SET_PROJECT_MEMBER: Final = (
    "INSERT INTO identity.project_members (tenant_id, project_id, user_id, role)"
    " VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role"
)

_REMOVE_PROJECT_MEMBER: Final = (
    "DELETE FROM identity.project_members WHERE tenant_id = %s AND project_id = %s AND user_id = %s"
)

_ADD_POLICY: Final = (
    "INSERT INTO identity.approval_policies"
    " (id, tenant_id, name, steps, min_amount, project_id, require_live_availability)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


_TAKEN: Final[dict[str, type[Refused]]] = {
    "users_username_taken": UsernameTaken,
    "users_email_taken": EmailTaken,
    "roles_name_taken": RoleNameTaken,
    "approval_policies_name_taken": PolicyNameTaken,
}


async def write(connection: AsyncConnection[Any], change: IdentityChange) -> None:
    """Write one change inside the open transaction.

    Raises the domain's refusal where a constraint says no; the transaction is then lost.
    """
    try:
        for statement, values in _statements(change):
            await connection.execute(statement, values)
    except IntegrityError as error:
        refusal = _refusal(error.diag.constraint_name)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(constraint: str | None) -> Refused | None:
    match constraint:
        case "approval_policies_project_known":
            return InvalidField(("applies", "project_id"), "There is no such project.")
        case "project_members_user_known":
            return InvalidField(("user_id",), "There is no such member of the tenant.")
        case _:
            refusal = _TAKEN.get(constraint or "")
            return refusal() if refusal else None


@singledispatch
def _statements(change: IdentityChange) -> tuple[Statement, ...]:
    raise TypeError(f"no identity row is known for {type(change).__name__}")


@_statements.register
def _(change: UserAdded) -> tuple[Statement, ...]:
    return (
        (
            _ADD_USER,
            (
                to_uuid(change.user_id),
                change.username,
                change.email,
                change.password_hash,
                change.at,
            ),
        ),
    )


@_statements.register
def _(change: TenantAdded) -> tuple[Statement, ...]:
    return (
        (
            "INSERT INTO identity.tenants (id, name, created_at) VALUES (%s, %s, %s)",
            (to_uuid(change.tenant_id), change.name, change.at),
        ),
    )


@_statements.register
def _(change: RolesGranted) -> tuple[Statement, ...]:
    return (
        (
            _GRANT_ROLES,
            (
                to_uuid(change.tenant_id),
                to_uuid(change.user_id),
                list(change.roles),
                change.version,
            ),
        ),
    )


@_statements.register
def _(change: RoleAdded) -> tuple[Statement, ...]:
    return (
        (
            "INSERT INTO identity.roles (tenant_id, name, permissions) VALUES (%s, %s, %s)",
            (to_uuid(change.tenant_id), change.name, list(change.permissions)),
        ),
    )


@_statements.register
def _(change: SessionOpened) -> tuple[Statement, ...]:
    return (
        (
            _OPEN_SESSION,
            (
                to_uuid(change.session_id),
                to_uuid(change.user_id),
                None if change.tenant_id is None else to_uuid(change.tenant_id),
                change.token_sha256,
                change.at,
                change.expires_at,
            ),
        ),
    )


@_statements.register
def _(change: SessionClosed) -> tuple[Statement, ...]:
    return (
        (
            "UPDATE identity.sessions SET closed_at = %s WHERE id = %s AND closed_at IS NULL",
            (change.at, to_uuid(change.session_id)),
        ),
    )


@_statements.register
def _(change: ProjectAdded) -> tuple[Statement, ...]:
    return (
        (
            "INSERT INTO identity.projects (id, tenant_id, name, version) VALUES (%s, %s, %s, %s)",
            (to_uuid(change.project_id), to_uuid(change.tenant_id), change.name, change.version),
        ),
    )


@_statements.register
def _(change: ProjectMemberSet) -> tuple[Statement, ...]:
    tenant, project = to_uuid(change.tenant_id), to_uuid(change.project_id)
    return (
        (
            _SET_PROJECT_MEMBER,
            (tenant, project, to_uuid(change.user_id), change.role),
        ),
        (_PROJECT_VERSION, (change.version, tenant, project, change.version)),
    )


@_statements.register
def _(change: ProjectMemberGone) -> tuple[Statement, ...]:
    tenant, project = to_uuid(change.tenant_id), to_uuid(change.project_id)
    return (
        (
            _REMOVE_PROJECT_MEMBER,
            (tenant, project, to_uuid(change.user_id)),
        ),
        (_PROJECT_VERSION, (change.version, tenant, project, change.version)),
    )


@_statements.register
def _(change: PolicyAdded) -> tuple[Statement, ...]:
    return (
        (
            _ADD_POLICY,
            (
                to_uuid(change.policy_id),
                to_uuid(change.tenant_id),
                change.name,
                Jsonb([{"name": name, "permission": needed} for name, needed in change.steps]),
                change.min_amount,
                None if change.project_id is None else to_uuid(change.project_id),
                change.require_live_availability,
            ),
        ),
    )
