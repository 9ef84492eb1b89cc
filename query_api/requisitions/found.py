"""One requisition, found and allowed to be seen: what every route below its path begins with."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from sqlalchemy import Row, exists

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from infrastructure.identity import tables as identity
from query_api import parked
from query_api.errors import ProjectionParked
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.requisitions.visibility import READ, may_see
from query_api.shapes import IdInPath
from read_tables.requisitions import requisition_lines, requisitions

REQUISITIONS: Final = ("requisitions",)
WITH_HISTORY: Final = ("requisitions", "history")
WITH_ASSIGNMENTS: Final = ("requisitions", "custody")

R: Final = requisitions.c


@dataclass(frozen=True, slots=True)
class FoundRequisition:
    """A requisition that the caller may see, and the caller's place in its project."""

    reading: Reading
    row: Row[Any]

    async def lines(self) -> list[Row[Any]]:
        """Its lines, in their order."""
        lines = self.reading.scope.select(requisition_lines)
        own = lines.where(requisition_lines.c.requisition_id == self.row.id)
        return list(await self.reading.rows(own.order_by(requisition_lines.c.number)))


async def find(reading: Reading, requisition_id: Id) -> FoundRequisition:
    """The requisition of this id.

    Raises ``NotFound`` where the tenant has none, ``PermissionMissing`` where the caller may not
    see it, and ``ProjectionParked`` where its row is not up to date.
    """
    scope = reading.scope
    members, projects = identity.project_members, identity.projects
    role = (
        scope.select(members, members.c.role)
        .where(members.c.project_id == R.project_id, members.c.user_id == reading.caller.user_id)
        .scalar_subquery()
    )
    archived = exists(
        scope.select(projects, projects.c.id).where(
            projects.c.id == R.project_id, projects.c.archived_at.is_not(None)
        )
    )
    row = await reading.row(
        scope.select(
            requisitions,
            *R,
            role.label("project_role"),
            archived.label("project_archived"),
            parked.is_parked(scope, R.id, reading.projections).label("parked"),
        ).where(R.id == requisition_id)
    )
    if row is None:
        await parked.refuse_if_parked(reading, requisition_id)
        raise NotFound("There is no such requisition.")
    if not may_see(row, reading.caller, row.project_role, reading.at):
        raise PermissionMissing(READ)
    if row.parked:
        raise ProjectionParked(reading.position)
    return FoundRequisition(reading, row)


async def _visible(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=REQUISITIONS)],
    requisition_id: IdInPath,
) -> FoundRequisition:
    return await find(reading, requisition_id)


async def _visible_with_history(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=WITH_HISTORY)],
    requisition_id: IdInPath,
) -> FoundRequisition:
    return await find(reading, requisition_id)


async def _visible_with_assignments(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=WITH_ASSIGNMENTS)],
    requisition_id: IdInPath,
) -> FoundRequisition:
    return await find(reading, requisition_id)


Visible = Annotated[FoundRequisition, Depends(_visible)]
VisibleWithHistory = Annotated[FoundRequisition, Depends(_visible_with_history)]
VisibleWithAssignments = Annotated[FoundRequisition, Depends(_visible_with_assignments)]
