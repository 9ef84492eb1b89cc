"""What concerns an operation alone: load, ask, save, with its row of the workers' queue.

All of them raise ``NotFound`` and the refusals of the verb that they ask; those of workers raise
``Fenced`` where another worker has taken the operation over.
"""

from domain.ids import Id
from domain.inventory_operations import commands, queue
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, Receipt, Store


async def start_attempt(command: commands.StartAttempt, store: Store, facts: Facts) -> Receipt:
    """Begin to do it."""
    operation = await store.load(InventoryOperation, command.operation_id)
    operation.start_attempt(command.fence, command.at)
    return await store.save(operation, changes=[queue.waiting(operation, command.again_at)])


async def start_verification(
    command: commands.StartVerification, store: Store, facts: Facts
) -> Receipt:
    """Begin to read back what became of it."""
    operation = await store.load(InventoryOperation, command.operation_id)
    operation.start_verification(command.fence, command.at)
    return await store.save(operation, changes=[queue.waiting(operation, command.again_at)])


async def record_acceptance(
    command: commands.RecordAcceptance, store: Store, facts: Facts
) -> Receipt:
    """The inventory says that it was done: now it is read back."""
    operation = await _fenced(command.operation_id, command.fence, store)
    operation.accept(command.created_external_id, command.at)
    return await store.save(operation)


async def record_already_applied(
    command: commands.RecordAlreadyApplied, store: Store, facts: Facts
) -> Receipt:
    """The inventory is as wanted already."""
    operation = await _fenced(command.operation_id, command.fence, store)
    operation.already_applied(command.at)
    return await store.save(operation)


async def record_unknown_outcome(
    command: commands.RecordUnknownOutcome, store: Store, facts: Facts
) -> Receipt:
    """It may have happened: now it is read back."""
    operation = await _fenced(command.operation_id, command.fence, store)
    operation.outcome_unknown(command.reason, command.at)
    return await store.save(operation)


async def record_failure(command: commands.RecordFailure, store: Store, facts: Facts) -> Receipt:
    """It did not happen; it is tried again later."""
    operation = await _fenced(command.operation_id, command.fence, store)
    operation.fail_attempt(command.reason, command.retry_at, command.at)
    return await store.save(operation, changes=[queue.waiting(operation, command.retry_at)])


async def record_not_applied(
    command: commands.RecordNotApplied, store: Store, facts: Facts
) -> Receipt:
    """The read-back shows that it did not happen; it is tried again later."""
    operation = await _fenced(command.operation_id, command.fence, store)
    operation.not_applied(command.retry_at, command.at)
    return await store.save(operation, changes=[queue.waiting(operation, command.retry_at)])


async def _fenced(operation_id: Id, fence: int, store: Store) -> InventoryOperation:
    operation = await store.load(InventoryOperation, operation_id)
    operation.check_fence(fence)
    return operation
