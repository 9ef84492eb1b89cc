"""What can be asked of projects, as plain facts.

A command with a field that cannot be accepted cannot be made: it raises ``InvalidField`` with the
path of that field in the request's body. Times are UTC.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, check_optional_text, check_text
from domain.ids import Id
from domain.projects.rules import LEAD, MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProject:
    """Begin a project under a new id and lead it."""

    project_id: Id
    name: str
    by: Caller
    at: datetime
    description: str | None = None

    def __post_init__(self) -> None:
        check_text(("name",), self.name, NAME_LIMIT)
        check_optional_text(("description",), self.description)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProjectMember:
    """Let a member of the tenant into the project as ``member`` or ``lead``."""

    project_id: Id
    user_id: Id
    role: str
    by: Caller
    at: datetime
    expected_version: int | None = None

    def __post_init__(self) -> None:
        if self.role not in (MEMBER, LEAD):
            raise InvalidField(("role",), "This is member or lead.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveProjectMember:
    """Let somebody go."""

    project_id: Id
    user_id: Id
    by: Caller
    at: datetime
    expected_version: int | None = None
