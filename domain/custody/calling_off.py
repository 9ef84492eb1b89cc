"""What an assignment had asked of the inventory and no longer wants, before it was ever sent."""

from datetime import datetime
from typing import Final

from domain.assignments.assignment import Assignment
from domain.assignments.standing import Awaited
from domain.ids import id_of
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Store
from domain.requisitions.requisition import Requisition

CANCELLED: Final = "cancelled"
"""Reason of what was called off before it was sent."""


async def call_off_issue(
    assignment: Assignment,
    requisition: Requisition | None,
    reason: str,
    at: datetime,
    store: Store,
) -> list[InventoryOperation]:
    """The operation of a hand-over under way, called off. Raises ``AlreadySent``."""
    for pending in assignment.standing.pending.values():
        operation = await store.load(InventoryOperation, pending.operation_id)
        operation.cancel(reason, at)
        assignment.issue_failed(pending.operation_id, CANCELLED, gone=False, at=at)
        if requisition is not None:
            requisition.line_issue_failed(id_of(assignment.id), pending.operation_id, CANCELLED, at)
        return [operation]
    return []


async def call_off_due(
    assignment: Assignment, at: datetime, store: Store
) -> list[InventoryOperation]:
    """A new due date that was never sent means nothing for what has come back."""
    for pending in assignment.standing.pending.values():
        if pending.awaited is Awaited.DUE:
            operation = await store.load(InventoryOperation, pending.operation_id)
            if operation.state is OperationState.PENDING and not operation.attempts:
                operation.cancel("It has come back.", at)
                assignment.due_failed(pending.operation_id, CANCELLED, at)
                return [operation]
    return []
