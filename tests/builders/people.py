"""Callers of one tenant, and the times at which things happen."""

from datetime import UTC, datetime
from typing import Final

from domain.caller import Caller
from domain.identity.roles import SHIPPED_ROLES
from domain.ids import Id
from domain.permissions import REQUISITIONS_APPROVE_OWN
from domain.ports import MemberFact
from infrastructure.ids import derived_id

TENANT: Final = derived_id("test", "tenant")
PROJECT: Final = derived_id("test", "project")
NOW: Final = datetime(2026, 11, 21, 9, tzinfo=UTC)


def person(name: str, *permissions: str) -> Caller:
    """Somebody with exactly these permissions; the same name is the same user."""
    return Caller(derived_id("test", name), TENANT, frozenset(permissions), member_version=1)


def with_roles(name: str, *roles: str) -> Caller:
    """Somebody with the permissions of these shipped roles."""
    return person(name, *(permission for role in roles for permission in SHIPPED_ROLES[role]))


def as_member(caller: Caller) -> MemberFact:
    """The caller, as a fact about the tenant."""
    return MemberFact(
        caller.user_id, membership_of(caller.user_id), caller.permissions, caller.member_version
    )


def membership_of(user_id: Id, tenant_id: Id = TENANT) -> Id:
    """The stream of a membership."""
    return derived_id("membership", tenant_id, user_id)


REQUESTER: Final = with_roles("requester", "requester")
OTHER_MEMBER: Final = with_roles("other member", "requester")
APPROVER: Final = with_roles("approver", "approver")
OTHER_APPROVER: Final = with_roles("other approver", "approver")
TECHNICIAN: Final = with_roles("technician", "technician")
ADMINISTRATOR: Final = with_roles("administrator", "tenant_admin")
STRANGER: Final = person("stranger")
BOSS: Final = person("boss", "requisitions:create", "budget:approve")
SELF_APPROVER: Final = person("requester", *REQUESTER.permissions, "requisitions:approve")
TRUSTED_SELF_APPROVER: Final = person(
    "requester", *SELF_APPROVER.permissions, REQUISITIONS_APPROVE_OWN
)
