"""The select of the lists of assignments."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, exists, or_

from domain.caller import Caller
from domain.ids import Id
from infrastructure.inventory import tables as inventory
from query_api.assignments.visibility import is_own, led_projects, sees_all
from query_api.keyset import Sort, Window
from query_api.merged_parts import merged_page, part_of
from query_api.tenant_scope import TenantScope
from read_tables.assignments import (
    DUE_KEY,
    HAS_DRIFTED,
    IS_DECLINED,
    IS_OVERDUE,
    IS_UNSETTLED,
    assignments,
)
from read_tables.inventory_operations import inventory_operations

A: Final = assignments.c
FAILED: Final = "failed"

SORTS: Final = {
    name: Sort(id=A.id, key=key, field=field, without=without, descending=name.startswith("-"))
    for field, key, without in (
        ("updated_at", A.updated_at, None),
        ("created_at", A.created_at, None),
        ("due", DUE_KEY, "infinity"),
    )
    for name in (field, f"-{field}")
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to."""

    state: str | None = None
    project_id: Id | None = None
    custodian_id: Id | None = None
    item_kind: str | None = None
    item_id: Id | None = None
    model_id: Id | None = None
    requisition_id: Id | None = None
    overdue: bool = False
    drift: bool = False
    declined: bool = False
    extension: str | None = None
    sync: str | None = None


def assignment_page(
    scope: TenantScope, caller: Caller, filters: Filters, window: Window
) -> Select[Any]:
    """The assignments of one page that the caller may see, in order."""
    met = _conditions(scope, filters)
    if sees_all(caller) or filters.custodian_id == caller.user_id:
        return window.cut(scope.select(assignments).where(*met))
    own = part_of(scope, window, assignments, A.updated_at, [*met, is_own(caller)])
    led = led_projects(scope, caller).subquery("led")
    of_one = [*met, A.project_id == led.c.project_id]
    of_led = part_of(scope, window, assignments, A.updated_at, of_one).lateral("of_led_projects")
    return merged_page(scope, window, [own, scope.each(led, of_led)], assignments, tuple(A))


def _conditions(scope: TenantScope, filters: Filters) -> list[ColumnElement[bool]]:
    equal = (
        (A.state, filters.state),
        (A.project_id, filters.project_id),
        (A.custodian_id, filters.custodian_id),
        (A.item_kind, filters.item_kind),
        (A.item_id, filters.item_id),
        (A.requisition_id, filters.requisition_id),
        (A.extension, filters.extension),
    )
    met: list[ColumnElement[bool]] = [
        column == value for column, value in equal if value is not None
    ]
    if filters.overdue:
        met.append(IS_OVERDUE)
    if filters.drift:
        met.append(HAS_DRIFTED)
    if filters.declined:
        met.append(IS_DECLINED)
    if filters.model_id is not None:
        met.append(_is_of_model(scope, filters.model_id))
    if filters.sync is not None:
        met.extend((IS_UNSETTLED, _has_operation(scope, filters.sync)))
    return met


def _is_of_model(scope: TenantScope, model_id: Id) -> ColumnElement[bool]:
    model, asset = inventory.models.c, inventory.assets.c
    number = scope.select(inventory.models, model.external_id).where(model.id == model_id)
    of_model = scope.select(inventory.assets, asset.id).where(
        asset.model_external_id == number.scalar_subquery()
    )
    return and_(A.item_kind == "asset", A.item_id.in_(of_model))


def _has_operation(scope: TenantScope, state: str) -> ColumnElement[bool]:
    """One that was given up counts only as long as nothing has come after it."""
    operation = inventory_operations.c
    counts = or_(operation.id == A.operation_id, operation.state != FAILED)
    return exists(
        scope.select(inventory_operations, operation.id).where(
            operation.subject_id == A.id, operation.state == state, counts
        )
    )
