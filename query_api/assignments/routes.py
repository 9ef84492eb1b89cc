"""GET /assignments, all that is read of one, and the assignments of an asset or a project."""

from dataclasses import astuple, replace
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Response

from domain.errors import NotFound, PermissionMissing
from domain.ids import ULID_FORM, Id
from domain.permissions import INVENTORY_READ
from infrastructure.inventory import tables as inventory
from query_api import answers
from query_api.assignments import shape
from query_api.assignments.found import CUSTODY, Visible, VisibleWithHistory
from query_api.assignments.models import (
    AssignmentModel,
    AssignmentPage,
    ItemKind,
    StateName,
    SyncState,
)
from query_api.assignments.selects import SORTS, Filters, assignment_page
from query_api.assignments.transitions import transitions
from query_api.assignments.visibility import LISTERS, READ, sees_all
from query_api.event_items import EventPage, event_page
from query_api.keyset import Cursors, Page, PageQuery, Window
from query_api.obstacles import Transitions
from query_api.project_role import project_with_role
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdFilter, IdInPath
from read_tables.assignments import assignments as table
from read_tables.history import history

assignments = router("assignments")

SortName = Literal["-updated_at", "updated_at", "created_at", "-created_at", "due", "-due"]
Sorted = Annotated[
    SortName, Query(description="`-` is newest first; without `due` is later than any.")
]
Flag = Literal["true"] | None


async def _narrowed(
    state: Annotated[StateName | None, Query()] = None,
    custodian_id: IdFilter = None,
    requisition_id: IdFilter = None,
    overdue: Annotated[
        Flag, Query(description="Only those that are out and past their due date.")
    ] = None,
    drift: Annotated[
        Flag, Query(description="Only those of which the inventory disagrees.")
    ] = None,
    declined: Annotated[
        Flag, Query(description="Only those that their custodian declined, and has or is to get.")
    ] = None,
    extension: Annotated[
        Literal["requested", "approved"] | None, Query(description="That ask for another date.")
    ] = None,
    sync: Annotated[
        SyncState | None, Query(description="That wait for an operation in this state.")
    ] = None,
) -> Filters:
    return Filters(
        state=state,
        custodian_id=custodian_id,
        requisition_id=requisition_id,
        overdue=overdue is not None,
        drift=drift is not None,
        declined=declined is not None,
        extension=extension,
        sync=sync,
    )


Narrowed = Annotated[Filters, Depends(_narrowed)]


async def _of_items(
    narrowed: Narrowed,
    project_id: IdFilter = None,
    item_id: IdFilter = None,
    model_id: Annotated[
        Id | None, Query(pattern=ULID_FORM, description="Assets of a model.")
    ] = None,
) -> Filters:
    return replace(narrowed, project_id=project_id, item_id=item_id, model_id=model_id)


async def _filters(
    filters: Annotated[Filters, Depends(_of_items)],
    item_kind: Annotated[ItemKind | None, Query()] = None,
) -> Filters:
    return replace(filters, item_kind=item_kind)


@assignments.get(
    "/assignments",
    operation_id="list_assignments",
    response_model=AssignmentPage,
    responses=page_responses(),
)
async def list_assignments(
    reading: Annotated[Reading, reads(*LISTERS, projections=CUSTODY)],
    filters: Annotated[Filters, Depends(_filters)],
    page: Page,
    sort: Sorted = "-updated_at",
) -> Response:
    """The assignments that the caller may see: all, else their own and those of led projects."""
    return await _page(reading, "assignments", filters, page, sort)


@assignments.get(
    "/asset-assignments",
    operation_id="list_asset_assignments",
    response_model=AssignmentPage,
    responses=page_responses(),
)
async def list_asset_assignments(
    reading: Annotated[Reading, reads(*LISTERS, projections=CUSTODY)],
    filters: Annotated[Filters, Depends(_of_items)],
    page: Page,
    sort: Sorted = "-updated_at",
) -> Response:
    """As `/assignments`, of assets only."""
    of_assets = replace(filters, item_kind="asset")
    return await _page(reading, "asset assignments", of_assets, page, sort)


@assignments.get(
    "/assets/{asset_id}/assignments",
    operation_id="list_assignments_of_asset",
    response_model=AssignmentPage,
    responses=page_responses(404),
)
async def list_assignments_of_asset(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=CUSTODY)],
    asset_id: IdInPath,
    narrowed: Narrowed,
    page: Page,
    sort: Sorted = "-updated_at",
) -> Response:
    """Who had the asset, as far as the caller may see it."""
    await _check_asset(reading, asset_id)
    filters = replace(narrowed, item_kind="asset", item_id=asset_id)
    return await _page(reading, f"assignments of {asset_id}", filters, page, sort)


@assignments.get(
    "/projects/{project_id}/assignments",
    operation_id="list_assignments_of_project",
    response_model=AssignmentPage,
    responses=page_responses(404),
)
async def list_assignments_of_project(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=CUSTODY)],
    project_id: IdInPath,
    narrowed: Narrowed,
    page: Page,
    sort: Sorted = "-updated_at",
) -> Response:
    """What is lent for a project: its leads see all of it, its members what they have."""
    await _check_project(reading, project_id)
    filters = replace(narrowed, project_id=project_id)
    return await _page(reading, f"assignments of {project_id}", filters, page, sort)


@assignments.get(
    "/assignments/{assignment_id}",
    operation_id="read_assignment",
    response_model=AssignmentModel,
    responses=object_responses(403, 404),
)
async def read_assignment(found: Visible) -> Response:
    """One assignment, with what the inventory has confirmed of it and what not."""
    known = await shape.look_up(found.reading, [found.row])
    body = shape.full_assignment(found.row, known)
    return answers.one(found.reading, body, found.row.version, names=True)


@assignments.get(
    "/assignments/{assignment_id}/transitions",
    operation_id="list_assignment_transitions",
    response_model=Transitions,
    responses=object_responses(403, 404),
)
async def list_assignment_transitions(found: Visible) -> Response:
    """Every command, whether the caller can give it now, and what stands in its way."""
    return answers.one(found.reading, transitions(found), found.row.version, names=True)


@assignments.get(
    "/assignments/{assignment_id}/history",
    operation_id="list_assignment_history",
    response_model=EventPage,
    responses=page_responses(404),
)
async def list_assignment_history(found: VisibleWithHistory, page: Page) -> Response:
    """All that happened to an assignment, the first event first."""
    reading = found.reading
    own = reading.scope.select(history).where(history.c.aggregate_id == found.row.id)
    return await event_page(reading, own, page, f"history of {found.row.id}", descending=False)


async def _page(
    reading: Reading, name: str, filters: Filters, page: PageQuery, sort: SortName
) -> Response:
    fingerprint: dict[str, Any] = {
        "tenant": reading.scope.tenant_id,
        "sort": sort,
        "filters": astuple(filters),
    }
    window = Window(page, SORTS[sort], Cursors(reading.sources.secret, name, fingerprint))
    found = await reading.rows(assignment_page(reading.scope, reading.caller, filters, window))
    rows, following = window.shown(found)
    known = await shape.look_up(reading, rows)
    return answers.page(reading, [shape.assignment(row, known) for row in rows], following)


async def _check_asset(reading: Reading, asset_id: Id) -> None:
    """Raise ``NotFound`` for an asset of which nothing is known, else what the caller lacks."""
    mirrored = inventory.assets.c.id
    assigned = table.c.id
    known = await reading.row(
        reading.scope.select(inventory.assets, mirrored).where(mirrored == asset_id)
    ) or await reading.row(
        reading.scope.select(table, assigned)
        .where(table.c.item_id == asset_id, table.c.item_kind == "asset")
        .limit(1)
    )
    if known is None:
        raise NotFound("There is no such asset.")
    if not (sees_all(reading.caller) or reading.caller.may(INVENTORY_READ)):
        raise PermissionMissing(INVENTORY_READ)


async def _check_project(reading: Reading, project_id: Id) -> None:
    """Raise ``NotFound`` for no project, ``PermissionMissing`` for those outside of it."""
    row = await project_with_role(reading, project_id)
    if row.role is None and not sees_all(reading.caller):
        raise PermissionMissing(READ)
