"""How a requisition looks in an answer: its models for the documents, and rows made into it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from domain.ids import Id
from query_api.assignments.models import SyncModel
from query_api.assignments.syncs import most_pressing
from query_api.names import Names
from query_api.requisitions.lines import KnownLines, LineModel, line
from query_api.shapes import NamedModel

StateName = Literal[
    "draft",
    "submitted",
    "changes_requested",
    "approved",
    "fulfilling",
    "fulfilled",
    "rejected",
    "cancelled",
    "expired",
]


class StepModel(BaseModel):
    """A step of the approval. ``decision`` is null until there is one."""

    name: str
    permission: str
    decision: Literal["approved", "rejected"] | None
    decided_by: NamedModel | None
    decided_at: datetime | None
    note: str | None


class ApprovalModel(BaseModel):
    """The plan that is in force. ``step`` (from 1) is the one being waited for."""

    step: int | None
    steps: list[StepModel]


class RequisitionItem(BaseModel):
    """A requisition as it stands in a list: without its lines.

    ``sync`` is the most pressing of what the inventory has not confirmed of its assignments, null
    once everything is confirmed.
    """

    id: Id
    project: NamedModel
    state: StateName
    purpose: str
    requester: NamedModel
    beneficiary: NamedModel | None
    needed_from: datetime | None
    needed_until: datetime | None
    amount: float | None
    approval: ApprovalModel
    sync: SyncModel | None
    created_at: datetime
    updated_at: datetime
    version: int


class RequisitionPage(BaseModel):
    """One page of requisitions."""

    items: list[RequisitionItem]
    next: str | None


class RequisitionModel(RequisitionItem):
    """A requisition on a page of its own."""

    lines: list[LineModel]


def people_in(rows: Iterable[Any]) -> set[Id | None]:
    """Everybody whom requisitions mention."""
    people: set[Id | None] = set()
    for row in rows:
        people.update((row.requester_id, row.beneficiary_id))
        if row.approval is not None:
            people.update(step["decided_by"] for step in row.approval["steps"])
    return people


def requisition(row: Any, names: Names, sync: Mapping[str, Any] | None) -> dict[str, Any]:
    """A requisition without its lines."""
    return {
        "id": row.id,
        "project": names.of(row.project_id),
        "state": row.state,
        "purpose": row.purpose,
        "requester": names.of(row.requester_id),
        "beneficiary": names.of_optional(row.beneficiary_id),
        "needed_from": row.needed_from,
        "needed_until": row.needed_until,
        "amount": amount(row.amount),
        "approval": _approval(row.approval, names),
        "sync": sync,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "version": row.version,
    }


def full_requisition(
    row: Any, lines: Sequence[Any], names: Names, known: KnownLines
) -> dict[str, Any]:
    """A requisition with its lines."""
    shown = [line(one, known) for one in lines]
    sync = most_pressing(one["sync"] for one in shown)
    return {**requisition(row, names, sync), "lines": shown}


def amount(value: Decimal | None) -> float | None:
    """Money as a number: 14 digits and two decimals are exact in one."""
    return None if value is None else float(value)


def _approval(approval: Mapping[str, Any] | None, names: Names) -> dict[str, Any]:
    if approval is None:
        return {"step": None, "steps": []}
    return {"step": approval["step"], "steps": [_step(step, names) for step in approval["steps"]]}


def _step(step: Mapping[str, Any], names: Names) -> dict[str, Any]:
    return {
        "name": step["name"],
        "permission": step["permission"],
        "decision": step["decision"],
        "decided_by": names.of_optional(step["decided_by"]),
        "decided_at": step["decided_at"],
        "note": step["note"],
    }
