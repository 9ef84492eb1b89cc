"""The rows of the workers' queue that go with what happened to an operation."""

from datetime import datetime

from domain.ids import id_of
from domain.inventory.changes import OperationSettled, OperationWaiting
from domain.inventory_operations.operation import InventoryOperation


def waiting(operation: InventoryOperation, due_at: datetime) -> OperationWaiting:
    """A worker is to look at it from ``due_at`` on."""
    return OperationWaiting(operation.tenant_id, id_of(operation.id), operation.thing, due_at)


def settled(operation: InventoryOperation) -> OperationSettled:
    """No worker needs to look at it any longer."""
    return OperationSettled(operation.tenant_id, id_of(operation.id))
