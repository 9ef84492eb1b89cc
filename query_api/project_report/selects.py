"""The selects of the report of a project: each reads what the project's own index leads to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, any_, case, func, literal, or_
from sqlalchemy.dialects.postgresql import ARRAY

from domain.ids import Id
from domain.requisitions.content import PURCHASE
from query_api.names import any_of
from query_api.tenant_scope import TenantScope
from read_tables.assignments import assignments
from read_tables.history import history
from read_tables.requisitions import requisition_lines, requisitions

A: Final = assignments.c
R: Final = requisitions.c
L: Final = requisition_lines.c
H: Final = history.c

DRAFT: Final = "draft"
OPEN: Final = (DRAFT, "submitted", "changes_requested", "approved", "fulfilling")
"""The states of requisitions that are not at an end."""

ENTERED: Final = {
    DRAFT: ("requisition.drafted.v1", "requisition.withdrawn.v1"),
    "submitted": ("requisition.submitted.v1",),
    "changes_requested": ("requisition.changes_requested.v1",),
    "approved": ("requisition.approved.v1", "requisition.line_deallocated.v1"),
}
"""The events after the last of which a requisition is in a state."""

FIRST_UNITS: Final = (
    "requisition.line_allocated.v1",
    "requisition.line_fulfilled.v1",
    "requisition.line_closed_short.v1",
)
"""It is being fulfilled from the first of these on that follows its approval."""

_ALL: Final = func.count().over().label("total")


@dataclass(frozen=True, slots=True)
class Reported:
    """The project, the period (``until`` is not part of it), and the most rows of a section."""

    project_id: Id
    since: datetime | None
    until: datetime | None
    limit: int


def out_now(scope: TenantScope, wanted: Reported) -> Select[Any]:
    """What the inventory has confirmed to be out for the project, the longest first."""
    out = scope.select(assignments, *A, _ALL).where(
        A.project_id == wanted.project_id, A.outstanding > 0
    )
    return out.order_by(A.issued_at, A.id).limit(wanted.limit)


def ever_used(scope: TenantScope, wanted: Reported) -> Select[Any]:
    """What was out for the project at any time of the period, the last handed over first."""
    met = [A.project_id == wanted.project_id, A.issued_at.is_not(None)]
    if wanted.until is not None:
        met.append(A.issued_at < wanted.until)
    if wanted.since is not None:
        met.append(or_(A.closed_at.is_(None), A.closed_at >= wanted.since))
    used = scope.select(assignments, *A, _ALL).where(*met)
    return used.order_by(A.issued_at.desc(), A.id.desc()).limit(wanted.limit)


def still_open(scope: TenantScope, wanted: Reported) -> Select[Any]:
    """The project's requisitions that are not at an end, the last changed first."""
    found = scope.select(requisitions, *R, _ALL).where(
        R.project_id == wanted.project_id, _is_one_of(R.state, OPEN)
    )
    return found.order_by(R.updated_at.desc(), R.id.desc()).limit(wanted.limit)


def entries(scope: TenantScope, ids: Iterable[Id]) -> Select[Any]:
    """When something happened to these requisitions that may have led them into their state."""
    types = [type for led in ENTERED.values() for type in led]
    found = scope.select(history, H.aggregate_id, H.type, H.at).where(
        H.aggregate_id == any_of(ids), _is_one_of(H.type, [*types, *FIRST_UNITS])
    )
    return found.order_by(H.position)


def asked_for(scope: TenantScope, wanted: Reported) -> Select[Any]:
    """What requisitions of the period asked for, by model or thing, the most asked for first.

    Drafts ask for nothing yet.
    """
    met: list[ColumnElement[bool]] = [R.project_id == wanted.project_id, R.state != DRAFT]
    if wanted.since is not None:
        met.append(R.created_at >= wanted.since)
    if wanted.until is not None:
        met.append(R.created_at < wanted.until)
    of_its_own = and_(scope.owns(requisitions), R.id == L.requisition_id)
    # Things of the inventory have an id; what is bought is known by its description alone.
    described = case((L.kind == PURCHASE, L.description))
    requested = func.sum(L.requested).label("requested")
    sums = [func.sum(L[name]).label(name) for name in ("approved", "issued", "closed_short")]
    keys = (L.kind, L.item_id, described.label("description"))
    found = scope.select(requisition_lines, *keys, requested, *sums, _ALL)
    grouped = found.join(requisitions, of_its_own).where(*met).group_by(*keys)
    return grouped.order_by(requested.desc(), L.kind, L.item_id, described).limit(wanted.limit)


def _is_one_of(column: ColumnElement[str], texts: Sequence[str]) -> ColumnElement[bool]:
    return column == any_(literal(list(texts), ARRAY(Text())))
