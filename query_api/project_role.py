"""A project, and what the caller is in it."""

from typing import Any

from domain.errors import NotFound
from domain.ids import Id
from infrastructure.identity import tables as identity
from query_api.reader import Reading


async def project_with_role(reading: Reading, project_id: Id) -> Any:
    """The project's ``id``, ``name`` and the caller's ``role`` in it, None for none.

    Raises ``NotFound``.
    """
    projects, joined = identity.projects, identity.project_members
    role = (
        reading.scope.select(joined, joined.c.role)
        .where(joined.c.project_id == projects.c.id, joined.c.user_id == reading.caller.user_id)
        .scalar_subquery()
    )
    row = await reading.row(
        reading.scope.select(projects, projects.c.id, projects.c.name, role.label("role")).where(
            projects.c.id == project_id
        )
    )
    if row is None:
        raise NotFound("There is no such project.")
    return row
