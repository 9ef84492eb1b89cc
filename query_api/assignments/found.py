"""One assignment, found and allowed to be seen: what every route below its path begins with."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from sqlalchemy import Row

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from infrastructure.identity import tables as identity
from query_api import parked
from query_api.assignments.visibility import READ, may_see
from query_api.errors import ProjectionParked
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.shapes import IdInPath
from read_tables.assignments import assignments

CUSTODY: Final = ("custody",)
WITH_HISTORY: Final = ("custody", "history")

A: Final = assignments.c


@dataclass(frozen=True, slots=True)
class FoundAssignment:
    """An assignment that the caller may see."""

    reading: Reading
    row: Row[Any]


async def find(reading: Reading, assignment_id: Id) -> FoundAssignment:
    """The assignment of this id.

    Raises ``NotFound`` where the tenant has none, ``PermissionMissing`` where the caller may not
    see it, and ``ProjectionParked`` where its row is not up to date.
    """
    scope = reading.scope
    joined = identity.project_members.c
    role = (
        scope.select(identity.project_members, joined.role)
        .where(joined.project_id == A.project_id, joined.user_id == reading.caller.user_id)
        .scalar_subquery()
    )
    row = await reading.row(
        scope.select(
            assignments,
            *A,
            role.label("project_role"),
            parked.is_parked(scope, A.id, reading.projections).label("parked"),
        ).where(A.id == assignment_id)
    )
    if row is None:
        await parked.refuse_if_parked(reading, assignment_id)
        raise NotFound("There is no such assignment.")
    if not may_see(row, reading.caller, row.project_role):
        raise PermissionMissing(READ)
    if row.parked:
        raise ProjectionParked(reading.position)
    return FoundAssignment(reading, row)


async def _visible(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=CUSTODY)],
    assignment_id: IdInPath,
) -> FoundAssignment:
    return await find(reading, assignment_id)


async def _visible_with_history(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=WITH_HISTORY)],
    assignment_id: IdInPath,
) -> FoundAssignment:
    return await find(reading, assignment_id)


Visible = Annotated[FoundAssignment, Depends(_visible)]
VisibleWithHistory = Annotated[FoundAssignment, Depends(_visible_with_history)]
