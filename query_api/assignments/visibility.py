"""Who may see an assignment: as a condition on one row, and as the parts of a list.

The two say the same; a test holds them against each other.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, or_

from domain.assignments.content import USER
from domain.caller import Caller
from domain.permissions import (
    ASSIGNMENTS_READ,
    INVENTORY_READ,
    REQUISITIONS_CREATE,
    REQUISITIONS_READ,
)
from domain.projects.rules import LEAD
from infrastructure.identity import tables as identity
from query_api.tenant_scope import TenantScope
from read_tables.assignments import assignments

READ: Final = ASSIGNMENTS_READ
LISTERS: Final = (READ, INVENTORY_READ, REQUISITIONS_CREATE, REQUISITIONS_READ)
"""Whoever holds one of these may ask for a list; it shows what they may see."""


def sees_all(caller: Caller) -> bool:
    """Whether the caller sees every assignment of the tenant."""
    return caller.may(READ)


def may_see(row: Any, caller: Caller, project_role: str | None) -> bool:
    """Whether the caller may see this assignment: all, their own, or those of their project."""
    own = row.custodian_kind == USER and row.custodian_id == caller.user_id
    return sees_all(caller) or own or project_role == LEAD


def is_own(caller: Caller) -> ColumnElement[bool]:
    """The condition that the caller is the custodian. Ids of users and locations never meet."""
    return assignments.c.custodian_id == caller.user_id


def led_projects(scope: TenantScope, caller: Caller) -> Select[Any]:
    """The projects that the caller leads: all of their assignments are theirs to see."""
    joined = identity.project_members.c
    return scope.select(identity.project_members, joined.project_id).where(
        joined.user_id == caller.user_id, joined.role == LEAD
    )


def seen_by(scope: TenantScope, caller: Caller) -> ColumnElement[bool]:
    """The condition that the caller, who does not see all, may see an assignment.

    For what reads few assignments: a list merges one part for each of the two.
    """
    return or_(is_own(caller), assignments.c.project_id.in_(led_projects(scope, caller)))
