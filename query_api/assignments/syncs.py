"""What the inventory has not confirmed of assignments, as the rows show it that wait for it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, case, or_

from domain.ids import Id
from infrastructure.prepared_selects import parameter
from query_api.names import any_of, in_list, listed
from query_api.reader import Reading
from query_api.tenant_scope import TenantScope, for_any_tenant
from read_tables.assignments import IS_UNSETTLED, assignments
from read_tables.inventory_operations import inventory_operations

A: Final = assignments.c
OP: Final = inventory_operations.c

_URGENCY: Final = {"needs_attention": 0, "pending": 1}
_LEAST_URGENT: Final = 2
_IN_ORDER: Final = (case(_URGENCY, value=OP.state, else_=_LEAST_URGENT), OP.since, OP.id)


async def syncs_of(reading: Reading, rows: Sequence[Any]) -> dict[Id, list[dict[str, Any]]]:
    """The operations of these assignments that are not confirmed, the most pressing first."""
    open_ones = [row for row in rows if row.operation_id is not None]
    if not open_ones:
        return {}
    found = await reading.rows(
        reading.scope.select(inventory_operations)
        .where(
            OP.subject_id == any_of([row.id for row in open_ones]),
            _is_shown(OP.id == any_of([row.operation_id for row in open_ones])),
        )
        .order_by(*_IN_ORDER)
    )
    syncs: dict[Id, list[dict[str, Any]]] = {}
    for one in found:
        syncs.setdefault(one.subject_id, []).append(sync(one))
    return syncs


async def syncs_of_requisitions(
    reading: Reading, requisition_ids: Iterable[Id]
) -> dict[Id, dict[str, Any]]:
    """The most pressing of each requisition's assignments; none where all is confirmed."""
    ids = list(requisition_ids)
    if not ids:
        return {}
    asked = reading.scope.asks(open_of_requisitions, requisition_ids=listed(ids))
    syncs: dict[Id, dict[str, Any]] = {}
    for one in await reading.snapshot.answer(asked):
        syncs.setdefault(one.requisition_id, sync(one))
    return syncs


def sync(operation: Any) -> dict[str, Any]:
    """How far an operation is, as a row shows it that waits for it."""
    return {
        "state": operation.state,
        "since": operation.since,
        "attempts": operation.attempts,
        "last_error": operation.last_error,
        "operation_id": operation.id,
    }


def most_pressing(syncs: Iterable[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The one to look at first; None where there is none."""

    def pressing(sync: dict[str, Any]) -> tuple[int, Any, Id]:
        urgency = _URGENCY.get(sync["state"], _LEAST_URGENT)
        return urgency, sync["since"], sync["operation_id"]

    return min((sync for sync in syncs if sync is not None), key=pressing, default=None)


@for_any_tenant
def open_of_requisitions(scope: TenantScope) -> Select[Any]:
    """What is not confirmed of the assignments of requisitions, the most pressing first."""
    wanted = parameter("requisition_ids", Text)
    shown = (A.requisition_id, OP.id, OP.state, OP.since, OP.attempts, OP.last_error)
    of_its_own = and_(
        scope.owns(inventory_operations), OP.subject_id == A.id, _is_shown(OP.id == A.operation_id)
    )
    open_ones = scope.select(assignments, *shown).join(inventory_operations, of_its_own)
    # A reservation that was let go of names no operation any more.
    return open_ones.where(A.requisition_id == in_list(wanted), IS_UNSETTLED).order_by(*_IN_ORDER)


def _is_shown(is_last_asked: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether it waits, or is the last that was asked for and has not come to anything."""
    waits = or_(OP.state == "pending", OP.state == "needs_attention")
    return and_(or_(waits, is_last_asked), OP.state != "synced")
