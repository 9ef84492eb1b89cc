"""Who may change a project: shared by its aggregate, its routes and its queries."""

from typing import Final

from domain import permissions
from domain.caller import Caller
from domain.projects.errors import NotProjectLead

WRITE: Final = permissions.PROJECTS_WRITE
MEMBER: Final = "member"
LEAD: Final = "lead"


def require_creator(caller: Caller) -> None:
    """Raise ``PermissionMissing`` unless the caller may create projects."""
    caller.require(WRITE)


def require_manager(caller: Caller, role: str | None) -> None:
    """Raise ``NotProjectLead`` unless the caller, in this ``role``, may change the members."""
    if role != LEAD and not caller.may(WRITE):
        raise NotProjectLead
