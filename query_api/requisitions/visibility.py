"""Who may see a requisition: as a condition on one row, and as the parts of a list.

The two say the same; a test holds them against each other.
"""

from datetime import datetime
from typing import Any, Final

from domain.caller import Caller
from domain.permissions import REQUISITIONS_READ, TENANT_MANAGE
from domain.requisitions.rules import APPROVE, CREATE, FULFIL

READ: Final = REQUISITIONS_READ
SEES_ALL: Final = frozenset({APPROVE, FULFIL, TENANT_MANAGE})
LISTERS: Final = (READ, CREATE, APPROVE, FULFIL, TENANT_MANAGE)
"""Whoever holds one of these may ask for the list; it shows what they may see."""


def sees_all(caller: Caller) -> bool:
    """Whether the caller sees every requisition of the tenant."""
    return not caller.permissions.isdisjoint(SEES_ALL)


def may_see(row: Any, caller: Caller, project_role: str | None, at: datetime) -> bool:
    """Whether the caller may see this requisition at this time."""
    return (
        sees_all(caller)
        or row.requester_id == caller.user_id
        or (project_role is not None and caller.may(READ))
        or not caller.permissions.isdisjoint(row.step_permissions)
        or is_delegate(row, caller, at)
    )


def is_delegate(row: Any, caller: Caller, at: datetime) -> bool:
    """Whether the present step is in the caller's hands."""
    until = row.delegate_until
    return row.delegate_id == caller.user_id and (until is None or at < until)
