"""GET /requisitions and all that is read of one."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response

from query_api import answers, names
from query_api.assignments.syncs import syncs_of_requisitions
from query_api.event_items import EventPage, event_page
from query_api.keyset import Cursors, Page, Window
from query_api.obstacles import Transitions
from query_api.reader import Reading, reads
from query_api.requisitions import lines, shape
from query_api.requisitions.as_of import Moment, fold, moment
from query_api.requisitions.found import (
    WITH_ASSIGNMENTS,
    Visible,
    VisibleWithAssignments,
    VisibleWithHistory,
)
from query_api.requisitions.selects import SORTS, Filters, requisition_page
from query_api.requisitions.transitions import transitions
from query_api.requisitions.visibility import LISTERS
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdFilter
from read_tables.history import history

requisitions = router("requisitions")

HANDED: Final = ("fulfilling", "fulfilled")
"""The states in which something may be kept or out for a requisition."""

SortName = Literal[
    "-updated_at", "updated_at", "created_at", "-created_at", "needed_from", "-needed_from"
]


async def _filters(
    state: Annotated[shape.StateName | None, Query()] = None,
    project_id: IdFilter = None,
    requester_id: IdFilter = None,
    waiting_on: Annotated[
        Literal["me"] | None, Query(description="Those that the caller can decide now.")
    ] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            description="Words of the purpose or the lines, or how they begin; all must occur.",
        ),
    ] = None,
) -> Filters:
    return Filters(state, project_id, requester_id, waiting_on == "me", q)


@requisitions.get(
    "/requisitions",
    operation_id="list_requisitions",
    response_model=shape.RequisitionPage,
    responses=page_responses(),
)
async def list_requisitions(
    reading: Annotated[
        Reading, reads(*LISTERS, own_permissions=True, projections=WITH_ASSIGNMENTS)
    ],
    filters: Annotated[Filters, Depends(_filters)],
    page: Page,
    sort: Annotated[
        SortName,
        Query(description="`-` is newest first; without `needed_from` is later than any."),
    ] = "-updated_at",
) -> Response:
    """The requisitions that the caller may see."""
    window = Window(page, SORTS[sort], _cursors(reading, "requisitions", sort, filters))
    found = await reading.rows(
        requisition_page(reading.scope, reading.caller, filters, window, reading.at)
    )
    rows, following = window.shown(found)
    known = await names.look_up(
        reading.snapshot, reading.scope, shape.people_in(rows), (row.project_id for row in rows)
    )
    syncs = await syncs_of_requisitions(reading, (row.id for row in rows if row.state in HANDED))
    items = [shape.requisition(row, known, syncs.get(row.id)) for row in rows]
    return answers.page(reading, items, following)


@requisitions.get(
    "/requisitions/{requisition_id}",
    operation_id="read_requisition",
    response_model=shape.RequisitionModel,
    responses=object_responses(403, 404),
)
async def read_requisition(
    found: VisibleWithAssignments, at: Annotated[Moment, Depends(moment)]
) -> Response:
    """One requisition with its lines: as it is, or as it was at a moment."""
    if at.is_now:
        return await _answer(found.reading, found.row, found.lines, is_now=True)
    stream = await found.reading.sources.log.read_stream(
        found.reading.caller.tenant_id, found.row.id
    )
    past = fold(stream, at)
    return await _answer(found.reading, past, past.lines, is_now=False)


@requisitions.get(
    "/requisitions/{requisition_id}/lines",
    operation_id="list_requisition_lines",
    response_model=lines.RequisitionLines,
    responses=object_responses(403, 404),
)
async def list_requisition_lines(found: VisibleWithAssignments) -> Response:
    """The lines of a requisition, in their order. The ETag's version is the requisition's."""
    known = await lines.look_up(found.reading, found.lines, is_now=True)
    body = {"items": [lines.line(row, known) for row in found.lines], "next": None}
    return answers.one(found.reading, body, found.row.version, names=True)


@requisitions.get(
    "/requisitions/{requisition_id}/transitions",
    operation_id="list_requisition_transitions",
    response_model=Transitions,
    responses=object_responses(403, 404),
)
async def list_requisition_transitions(found: Visible) -> Response:
    """Every command, whether the caller can give it now, and what stands in its way."""
    body = await transitions(found)
    return answers.one(found.reading, body, found.row.version, names=True)


@requisitions.get(
    "/requisitions/{requisition_id}/history",
    operation_id="list_requisition_history",
    response_model=EventPage,
    responses=page_responses(404),
)
async def list_requisition_history(found: VisibleWithHistory, page: Page) -> Response:
    """All that happened to a requisition, the first event first."""
    reading = found.reading
    own = reading.scope.select(history).where(history.c.aggregate_id == found.row.id)
    return await event_page(reading, own, page, f"history of {found.row.id}", descending=False)


def _cursors(reading: Reading, name: str, sort: str, filters: Filters) -> Cursors:
    fingerprint: dict[str, Any] = {
        "tenant": reading.scope.tenant_id,
        "sort": sort,
        "filters": [
            filters.state,
            filters.project_id,
            filters.requester_id,
            filters.waiting_on_me,
            filters.q,
        ],
    }
    return Cursors(reading.sources.secret, name, fingerprint)


async def _answer(reading: Reading, row: Any, own: Sequence[Any], *, is_now: bool) -> Response:
    known = await names.look_up(
        reading.snapshot, reading.scope, shape.people_in([row]), [row.project_id]
    )
    known_lines = await lines.look_up(reading, own, is_now=is_now)
    body = shape.full_requisition(row, own, known, known_lines)
    return answers.one(reading, body, row.version, names=True)
