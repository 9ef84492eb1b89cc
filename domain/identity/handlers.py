"""One function for every command: load, ask, save.

The rows of the identity tables are written with the events, so that a new user can sign in and a
revoked right is gone at once.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import time_text
from domain.identity import changes, commands
from domain.identity.errors import LastAdministrator, RoleBeyondOwn, RoleNameTaken
from domain.identity.memberships import Membership
from domain.identity.roles import TENANT_ADMIN, Role
from domain.identity.sessions import Session
from domain.identity.tenants import Tenant
from domain.identity.users import User
from domain.ids import PLATFORM_TENANT, Id, uuid_of
from domain.permissions import TENANT_MANAGE, USERS_WRITE
from domain.ports import Facts, Receipt, Store


async def sign_up(command: commands.SignUp, store: Store, facts: Facts) -> Receipt:
    """Become a user; the receipt is the user's. Raises ``UsernameTaken`` and ``EmailTaken``."""
    user = User.register(uuid_of(command.user.user_id), command.at)
    user_row = _user_row(command.user, command.at)
    if command.tenant is None:
        session, session_row = _session(command.session, command.user.user_id, None, command.at)
        return await store.save(user, session, changes=(user_row, session_row))
    tenant_id = command.tenant.tenant_id
    tenant = Tenant.create(uuid_of(tenant_id), name=command.tenant.name, at=command.at)
    membership = Membership.join(
        uuid_of(command.tenant.membership_id),
        tenant_id=tenant_id,
        user_id=command.user.user_id,
        roles=(TENANT_ADMIN,),
        at=command.at,
    )
    session, session_row = _session(command.session, command.user.user_id, tenant_id, command.at)
    rows = (
        user_row,
        changes.TenantAdded(tenant_id, command.tenant.name, command.at),
        _membership_row(membership),
        session_row,
    )
    return await store.save(user, tenant, membership, session, changes=rows)


async def open_session(command: commands.OpenSession, store: Store, facts: Facts) -> Receipt:
    """Sign in."""
    session, row = _session(command.session, command.user_id, command.tenant_id, command.at)
    return await store.save(session, changes=(row,))


async def close_session(command: commands.CloseSession, store: Store, facts: Facts) -> Receipt:
    """Sign out: the token is dead with this transaction."""
    session = await store.load(Session, command.session_id)
    session.close(command.at)
    row = changes.SessionClosed(command.session_id, command.at)
    return await store.save(session, changes=(row,))


async def add_user(command: commands.AddUser, store: Store, facts: Facts) -> Receipt:
    """Make a user who is a member of the caller's tenant; the receipt is the user's.

    Raises ``InvalidField`` for an unknown role, ``RoleBeyondOwn``, ``UsernameTaken``,
    ``EmailTaken``.
    """
    command.by.require(USERS_WRITE)
    await _check_grant(command.roles, command.roles, command.by, facts)
    user = User.register(uuid_of(command.user.user_id), command.at)
    membership = Membership.join(
        uuid_of(command.membership_id),
        tenant_id=command.by.tenant_id,
        user_id=command.user.user_id,
        roles=_once(command.roles),
        at=command.at,
    )
    rows = (_user_row(command.user, command.at), _membership_row(membership))
    return await store.save(user, membership, changes=rows)


async def add_role(command: commands.AddRole, store: Store, facts: Facts) -> Receipt:
    """Bundle permissions under a new name. Raises ``RoleNameTaken``."""
    command.by.require(TENANT_MANAGE)
    if command.name in await facts.roles():
        raise RoleNameTaken
    role = Role.add(
        uuid_of(command.role_id),
        tenant_id=command.by.tenant_id,
        name=command.name,
        permissions=_once(command.permissions),
        at=command.at,
    )
    row = changes.RoleAdded(command.by.tenant_id, role.name, role.permissions)
    return await store.save(role, changes=(row,))


async def set_roles(command: commands.SetRoles, store: Store, facts: Facts) -> Receipt:
    """Let a member hold exactly these roles.

    Raises ``InvalidField`` for an unknown role, ``RoleBeyondOwn`` and ``LastAdministrator``.
    """
    command.by.require(USERS_WRITE)
    membership = await store.load(Membership, command.membership_id, command.expected_version)
    roles = _once(command.roles)
    await _check_grant(roles, {*roles} ^ {*membership.roles}, command.by, facts)
    unchanged: list[tuple[Id, int]] = []
    if TENANT_ADMIN in membership.roles and TENANT_ADMIN not in roles:
        unchanged.append(await _another_administrator(command.user_id, facts))
    membership.change_roles(roles, command.at)
    rows = (_membership_row(membership),)
    return await store.save(membership, changes=rows, unchanged=unchanged)


async def _check_grant(
    roles: Iterable[str], changed: Iterable[str], by: Caller, facts: Facts
) -> None:
    known = await facts.roles()
    for index, role in enumerate(roles):
        if role not in known:
            raise InvalidField(("roles", index), "There is no such role.")
    if by.may(TENANT_MANAGE):
        return
    if any(not known[role] <= by.permissions for role in changed):
        raise RoleBeyondOwn


async def _another_administrator(user_id: Id, facts: Facts) -> tuple[Id, int]:
    """A membership that has to stay as it is, so that the tenant keeps an administrator."""
    for administrator in await facts.administrators():
        if administrator.user_id != user_id:
            return administrator.membership_id, administrator.version
    raise LastAdministrator


def _session(
    new: commands.NewSession, user_id: Id, tenant_id: Id | None, at: datetime
) -> tuple[Session, changes.SessionOpened]:
    session = Session.open(
        uuid_of(new.session_id),
        tenant_id=tenant_id or PLATFORM_TENANT,
        user_id=user_id,
        expires_at=time_text(new.expires_at),
        at=at,
    )
    row = changes.SessionOpened(
        new.session_id, user_id, tenant_id, new.token_sha256, at, new.expires_at
    )
    return session, row


def _user_row(user: commands.NewUser, at: datetime) -> changes.UserAdded:
    return changes.UserAdded(user.user_id, user.username, user.email, user.password_hash, at)


def _membership_row(membership: Membership) -> changes.RolesGranted:
    return changes.RolesGranted(
        membership.tenant_id, membership.user_id, membership.roles, membership.version
    )


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
