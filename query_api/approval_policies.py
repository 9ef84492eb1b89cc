"""GET /approval-policies."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Response
from pydantic import BaseModel

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.permissions import (
    APPROVAL_POLICIES_WRITE,
    REQUISITIONS_APPROVE,
    REQUISITIONS_CREATE,
    REQUISITIONS_READ,
)
from query_api import answers, parked
from query_api.errors import ProjectionParked
from query_api.keyset import Cursors, Page, Sort, Window
from query_api.reader import BY_OBJECT, Reading, reads
from query_api.routing import object_responses, page_responses, router
from query_api.shapes import IdInPath
from read_tables.approval_policies import approval_policies as table

approval_policies = router("approval policies")

# Whoever asks for something or decides about it may know how it is decided.
_READERS: Final = (
    REQUISITIONS_READ,
    REQUISITIONS_CREATE,
    REQUISITIONS_APPROVE,
    APPROVAL_POLICIES_WRITE,
)
_PROJECTION: Final = ("approval_policies",)
_SORTS: Final = {
    "created_at": Sort(id=table.c.id, key=table.c.created_at, field="created_at"),
    "-created_at": Sort(id=table.c.id, key=table.c.created_at, field="created_at", descending=True),
}


class PolicyStep(BaseModel):
    """A step, decided by whoever holds the permission."""

    name: str
    permission: str


class Applies(BaseModel):
    """Where a policy applies: from an amount on, in a project."""

    min_amount: float | None
    project_id: Id | None


class ApprovalPolicy(BaseModel):
    """How requisitions are approved. Without ``applies`` it is for all.

    With ``require_live_availability``, what asks for things of the inventory is approved only
    while it is known how many are left.
    """

    id: Id
    name: str
    steps: list[PolicyStep]
    applies: Applies | None
    require_live_availability: bool
    created_at: datetime
    version: int


class ApprovalPolicyPage(BaseModel):
    """One page of approval policies."""

    items: list[ApprovalPolicy]
    next: str | None


@approval_policies.get(
    "/approval-policies",
    operation_id="list_approval_policies",
    response_model=ApprovalPolicyPage,
    responses=page_responses(),
)
async def list_approval_policies(
    reading: Annotated[Reading, reads(*_READERS, projections=_PROJECTION)],
    page: Page,
    sort: Annotated[Literal["created_at", "-created_at"], Query()] = "created_at",
) -> Response:
    """The approval policies of the tenant."""
    fingerprint = {"tenant": reading.scope.tenant_id, "sort": sort}
    cursors = Cursors(reading.sources.secret, "approval policies", fingerprint)
    window = Window(page, _SORTS[sort], cursors)
    found = await reading.rows(window.cut(reading.scope.select(table)))
    rows, following = window.shown(found)
    return answers.page(reading, [_policy(row) for row in rows], following)


@approval_policies.get(
    "/approval-policies/{policy_id}",
    operation_id="read_approval_policy",
    response_model=ApprovalPolicy,
    responses=object_responses(403, 404),
)
async def read_approval_policy(
    reading: Annotated[Reading, reads(BY_OBJECT, projections=_PROJECTION)], policy_id: IdInPath
) -> Response:
    """One approval policy."""
    is_parked = parked.is_parked(reading.scope, table.c.id, reading.projections)
    row = await reading.row(
        reading.scope.select(table, *table.c, is_parked.label("parked")).where(
            table.c.id == policy_id
        )
    )
    if row is None:
        await parked.refuse_if_parked(reading, policy_id)
        raise NotFound("There is no such approval policy.")
    if reading.caller.permissions.isdisjoint(_READERS):
        raise PermissionMissing(REQUISITIONS_READ)
    if row.parked:
        raise ProjectionParked(reading.position)
    return answers.one(reading, _policy(row), row.version, names=False)


def _policy(row: Any) -> dict[str, Any]:
    applies = None
    if row.min_amount is not None or row.project_id is not None:
        amount = None if row.min_amount is None else float(row.min_amount)
        applies = {"min_amount": amount, "project_id": row.project_id}
    return {
        "id": row.id,
        "name": row.name,
        "steps": row.steps,
        "applies": applies,
        "require_live_availability": row.require_live_availability,
        "created_at": row.created_at,
        "version": row.version,
    }
