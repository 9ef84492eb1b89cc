"""Users, tenants, roles and sessions: what is stored, and what is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from domain.caller import Caller
from domain.errors import InvalidField, NotFound, PermissionMissing
from domain.fields import Path
from domain.identity import changes, commands, handlers
from domain.identity.errors import LastAdministrator, RoleBeyondOwn, RoleNameTaken
from domain.identity.memberships import Membership
from domain.identity.roles import SHIPPED_ROLES, TENANT_ADMIN
from domain.identity.sessions import Session
from domain.identity.users import User
from domain.ids import PLATFORM_TENANT, Id
from domain.permissions import PERMISSIONS, REQUISITIONS_APPROVE_OWN, USERS_WRITE
from domain.ports import Receipt
from infrastructure.ids import derived_id, new_id
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import NOW, TENANT, membership_of, person

LATER: Final = NOW + timedelta(hours=12)
HASH: Final = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA"


def _user(name: str, email: str | None = None) -> commands.NewUser:
    return commands.NewUser(
        user_id=derived_id("test", name),
        username=name,
        email=email or f"{name}@example.org",
        password_hash=HASH,
    )


def _session() -> commands.NewSession:
    return commands.NewSession(session_id=new_id(), token_sha256=b"\x01" * 32, expires_at=LATER)


class Tenant:
    """A tenant whose founder is its administrator."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.facts = MemoryFacts(self.store)
        self.founder = Caller(
            derived_id("test", "founder"), TENANT, SHIPPED_ROLES[TENANT_ADMIN], member_version=1
        )

    async def sign_up(self, name: str = "founder", tenant_id: Id | None = TENANT) -> Receipt:
        user = _user(name)
        tenant = tenant_id and commands.NewTenant(
            tenant_id=tenant_id, membership_id=membership_of(user.user_id, tenant_id), name="Lab"
        )
        command = commands.SignUp(user=user, session=_session(), tenant=tenant or None, at=NOW)
        return await handlers.sign_up(command, self.store, self.facts)

    async def add_user(self, name: str, *roles: str, by: Caller | None = None) -> Receipt:
        user = _user(name)
        command = commands.AddUser(
            user=user,
            membership_id=membership_of(user.user_id),
            roles=roles,
            by=by or self.founder,
            at=NOW,
        )
        return await handlers.add_user(command, self.store, self.facts)

    async def set_roles(self, name: str, *roles: str, by: Caller | None = None) -> Receipt:
        user_id = derived_id("test", name)
        command = commands.SetRoles(
            membership_id=membership_of(user_id),
            user_id=user_id,
            roles=roles,
            by=by or self.founder,
            at=NOW,
        )
        return await handlers.set_roles(command, self.store, self.facts)

    async def add_role(self, name: str, *permissions: str) -> Receipt:
        command = commands.AddRole(
            role_id=derived_id("role", TENANT, name),
            name=name,
            permissions=permissions,
            by=self.founder,
            at=NOW,
        )
        return await handlers.add_role(command, self.store, self.facts)

    async def roles_of(self, name: str) -> tuple[str, ...]:
        membership_id = membership_of(derived_id("test", name))
        return (await self.store.load(Membership, membership_id)).roles


@pytest.fixture
async def tenant() -> Tenant:
    tenant = Tenant()
    await tenant.sign_up()
    return tenant


async def test_who_signs_up_with_a_tenant_administers_it_and_is_signed_in(tenant: Tenant) -> None:
    assert tenant.store.topics == [
        "user.registered.v1",
        "tenant.created.v1",
        "membership.joined.v1",
        "session.opened.v1",
    ]
    assert [type(row).__name__ for row in tenant.store.rows] == [
        "UserAdded",
        "TenantAdded",
        "RolesGranted",
        "SessionOpened",
    ]
    assert await tenant.roles_of("founder") == (TENANT_ADMIN,)


async def test_who_signs_up_without_a_tenant_has_a_session_without_one() -> None:
    tenant = Tenant()
    receipt = await tenant.sign_up("loner", None)
    assert receipt.id == derived_id("test", "loner")
    assert tenant.store.topics == ["user.registered.v1", "session.opened.v1"]
    opened = tenant.store.rows[-1]
    assert isinstance(opened, changes.SessionOpened)
    assert opened.tenant_id is None


async def test_no_event_tells_a_name_an_address_or_a_secret(tenant: Tenant) -> None:
    await tenant.add_user("ada", "requester")
    stored = b"".join(state for stream in tenant.store.streams.values() for _, state in stream)
    for secret in (b"ada", b"founder", b"example.org", b"argon2", b"\x01\x01"):
        assert secret not in stored


async def test_users_and_sessions_without_a_tenant_belong_to_the_platform() -> None:
    tenant = Tenant()
    await tenant.sign_up("loner", None)
    opened = tenant.store.rows[-1]
    assert isinstance(opened, changes.SessionOpened)
    user = await tenant.store.load(User, derived_id("test", "loner"))
    session = await tenant.store.load(Session, opened.session_id)
    assert (user.tenant_id, session.tenant_id) == (PLATFORM_TENANT, PLATFORM_TENANT)


async def test_a_session_is_opened_and_closed(tenant: Tenant) -> None:
    session = _session()
    opening = commands.OpenSession(
        session=session, user_id=tenant.founder.user_id, tenant_id=TENANT, at=NOW
    )
    await handlers.open_session(opening, tenant.store, tenant.facts)
    closing = commands.CloseSession(session_id=session.session_id, at=NOW)
    first = await handlers.close_session(closing, tenant.store, tenant.facts)
    again = await handlers.close_session(closing, tenant.store, tenant.facts)
    assert tenant.store.topics[-2:] == ["session.opened.v1", "session.closed.v1"]
    assert first.version == again.version == 2


async def test_an_added_user_is_a_member_with_roles(tenant: Tenant) -> None:
    receipt = await tenant.add_user("ada", "requester", "approver", "requester")
    assert receipt.id == derived_id("test", "ada")
    assert await tenant.roles_of("ada") == ("requester", "approver")


async def test_a_role_that_is_not_there_cannot_be_granted(tenant: Tenant) -> None:
    with pytest.raises(InvalidField) as refused:
        await tenant.add_user("ada", "requester", "wizard")
    assert refused.value.path == ("roles", 1)


async def test_a_custom_role_may_carry_any_permission_and_be_granted(tenant: Tenant) -> None:
    await tenant.add_role("budget_owner", "budget:approve", REQUISITIONS_APPROVE_OWN)
    await tenant.add_user("ada", "budget_owner")
    ada = await tenant.facts.member(derived_id("test", "ada"))
    assert ada is not None
    assert ada.permissions == {"budget:approve", REQUISITIONS_APPROVE_OWN}


@pytest.mark.parametrize("name", ["requester", "budget_owner"])
async def test_a_name_of_a_role_is_given_once(tenant: Tenant, name: str) -> None:
    await tenant.add_role("budget_owner", "budget:approve")
    with pytest.raises(RoleNameTaken):
        await tenant.add_role(name, "budget:approve")


async def test_only_who_manages_the_tenant_adds_a_role(tenant: Tenant) -> None:
    tenant.founder = person("clerk", USERS_WRITE)
    with pytest.raises(PermissionMissing):
        await tenant.add_role("budget_owner", "budget:approve")


async def test_only_who_may_write_users_adds_one_or_changes_their_roles(tenant: Tenant) -> None:
    await tenant.add_user("ada", "requester")
    nobody = person("nobody")
    with pytest.raises(PermissionMissing):
        await tenant.add_user("bob", "requester", by=nobody)
    with pytest.raises(PermissionMissing):
        await tenant.set_roles("ada", "approver", by=nobody)


async def test_nobody_grants_or_takes_more_than_they_hold_without_managing_the_tenant(
    tenant: Tenant,
) -> None:
    clerk = person("clerk", USERS_WRITE, *SHIPPED_ROLES["requester"])
    await tenant.add_user("ada", "requester", by=clerk)
    with pytest.raises(RoleBeyondOwn):
        await tenant.add_user("bob", TENANT_ADMIN, by=clerk)
    with pytest.raises(RoleBeyondOwn):
        await tenant.set_roles("ada", "requester", "approver", by=clerk)
    with pytest.raises(RoleBeyondOwn):
        await tenant.set_roles("founder", by=clerk)
    await tenant.set_roles("ada", by=clerk)
    assert await tenant.roles_of("ada") == ()


async def test_a_tenant_keeps_an_administrator(tenant: Tenant) -> None:
    with pytest.raises(LastAdministrator):
        await tenant.set_roles("founder", "requester")
    await tenant.add_user("ada", TENANT_ADMIN)
    await tenant.set_roles("founder", "requester")
    assert await tenant.roles_of("founder") == ("requester",)


async def test_an_administrator_steps_down_only_while_another_one_stays(tenant: Tenant) -> None:
    await tenant.add_user("ada", TENANT_ADMIN)
    await tenant.set_roles("founder", "requester")
    assert tenant.store.guards == [(membership_of(derived_id("test", "ada")), 1)]


async def test_the_same_roles_again_change_nothing(tenant: Tenant) -> None:
    await tenant.add_user("ada", "requester", "approver")
    receipt = await tenant.set_roles("ada", "approver", "requester")
    assert receipt.version == 1


async def test_who_is_not_a_member_has_no_roles_to_change(tenant: Tenant) -> None:
    with pytest.raises(NotFound):
        await tenant.set_roles("nobody", "requester")


def _role(name: str, *permissions: str) -> commands.AddRole:
    return commands.AddRole(
        role_id=new_id(), name=name, permissions=permissions, by=person("boss"), at=NOW
    )


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: _user(""), ("username",)),
        (lambda: _user("a b"), ("username",)),
        (lambda: _user("a@b"), ("username",)),
        (lambda: _user("x" * 65), ("username",)),
        (lambda: _user("nul\x00"), ("username",)),
        (lambda: _user("ada", "no address"), ("email",)),
        (lambda: _user("ada", "x" * 251 + "@a.b"), ("email",)),
        (
            lambda: commands.NewTenant(tenant_id=new_id(), membership_id=new_id(), name=" "),
            ("tenant_name",),
        ),
        (lambda: _role(" ", "a:b"), ("name",)),
        (lambda: _role("fine"), ("permissions",)),
        (lambda: _role("fine", "a:b", "nothing"), ("permissions", 1)),
        (lambda: _role("fine", "a:b\n"), ("permissions", 0)),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(make: Callable[[], object], path: Path) -> None:
    with pytest.raises(InvalidField) as refused:
        make()
    assert refused.value.path == path


def test_the_shipped_roles_are_those_of_the_contract() -> None:
    requester = {"requisitions:create", "requisitions:read", "inventory:read"}
    approver = requester | {"requisitions:approve"}
    technician = approver | {
        "requisitions:fulfil",
        "assignments:read",
        "assignments:issue",
        "assignments:return",
        "assignments:extend",
    }
    assert SHIPPED_ROLES["requester"] == requester
    assert SHIPPED_ROLES["approver"] == approver
    assert SHIPPED_ROLES["technician"] == technician
    assert SHIPPED_ROLES["inventory_manager"] == technician | {
        "assignments:issue-offline",
        "inventory:manage",
        "assets:write",
    }
    assert SHIPPED_ROLES["auditor"] == {
        "audit:read",
        "projects:read",
        "requisitions:read",
        "users:read",
        "assignments:read",
        "inventory:read",
    }
    assert SHIPPED_ROLES[TENANT_ADMIN] == PERMISSIONS - {"requisitions:approve-own"}
    assert len(PERMISSIONS) == 20
