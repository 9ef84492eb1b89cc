"""One requisition, found and allowed to be seen: what every route below its path begins with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from sqlalchemy import Select, Text, exists
from sqlalchemy.dialects.postgresql import ARRAY

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from infrastructure.identity import tables as identity
from infrastructure.ids import UlidType
from infrastructure.prepared_selects import parameter
from query_api import parked
from query_api.errors import ProjectionParked
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.requisitions.visibility import READ, may_see
from query_api.shapes import IdInPath
from query_api.tenant_scope import TenantScope, for_any_tenant
from read_tables.requisitions import requisition_lines, requisitions

REQUISITIONS: Final = ("requisitions",)
WITH_HISTORY: Final = ("requisitions", "history")
WITH_ASSIGNMENTS: Final = ("requisitions", "custody")

R: Final = requisitions.c


@dataclass(frozen=True, slots=True)
class FoundRequisition:
    """A requisition that the caller may see, and the caller's place in its project."""

    reading: Reading
    row: Any
    lines: Sequence[Any]


async def find(reading: Reading, requisition_id: Id) -> FoundRequisition:
    """The requisition of this id, with its lines in their order.

    Raises ``NotFound`` where the tenant has none, ``PermissionMissing`` where the caller may not
    see it, and ``ProjectionParked`` where its row is not up to date.
    """
    requisition, lines = await reading.answers(
        reading.scope.asks(
            _requisition,
            requisition_id=requisition_id,
            user_id=reading.caller.user_id,
            projections=list(reading.projections),
        ),
        reading.scope.asks(_lines, requisition_id=requisition_id),
    )
    if not requisition:
        await parked.refuse_if_parked(reading, requisition_id)
        raise NotFound("There is no such requisition.")
    (row,) = requisition
    if not may_see(row, reading.caller, row.project_role, reading.at):
        raise PermissionMissing(READ)
    if row.parked:
        raise ProjectionParked(reading.position)
    return FoundRequisition(reading, row, lines)


@for_any_tenant
def _requisition(scope: TenantScope) -> Select[Any]:
    members, projects = identity.project_members, identity.projects
    role = (
        scope.select(members, members.c.role)
        .where(
            members.c.project_id == R.project_id,
            members.c.user_id == parameter("user_id", UlidType),
        )
        .scalar_subquery()
    )
    archived = exists(
        scope.select(projects, projects.c.id).where(
            projects.c.id == R.project_id, projects.c.archived_at.is_not(None)
        )
    )
    projections = parameter("projections", ARRAY(Text()))
    return scope.select(
        requisitions,
        *R,
        role.label("project_role"),
        archived.label("project_archived"),
        parked.is_parked(scope, R.id, projections).label("parked"),
    ).where(R.id == parameter("requisition_id", UlidType))


@for_any_tenant
def _lines(scope: TenantScope) -> Select[Any]:
    line = requisition_lines.c
    lines = scope.select(requisition_lines)
    own = lines.where(line.requisition_id == parameter("requisition_id", UlidType))
    return own.order_by(line.number)


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
