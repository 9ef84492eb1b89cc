"""What the inventory comes to say of what is stored, without any inventory to be asked."""

from datetime import UTC, datetime

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.errors import NotAwaited
from domain.custody import outcomes
from domain.custody.commands import ProveOperation
from domain.custody.drift import detect_drift
from domain.ids import Id, id_of
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, Receipt, Store
from infrastructure.event_store.commands import Commands, Envelope
from tests.builders.desk import fitting
from tests.builders.operations import requested


async def confirm(to: Commands, tenant_id: Id, assignment_id: Id) -> None:
    """Let the inventory have done what an assignment waits for."""
    at = datetime.now(UTC)
    sent: list[InventoryOperation] = []

    async def send(store: Store, _: Facts) -> Receipt:
        assignment = await store.load(Assignment, assignment_id)
        if not assignment.standing.pending:
            # As this process last saw it; being refused, the command looks again.
            raise NotAwaited
        (operation_id,) = assignment.standing.pending
        operation = await store.load(InventoryOperation, operation_id)
        operation.start_attempt(1, at)
        operation.accept(None, at)
        sent.append(operation)
        return await store.save(operation)

    async def prove(store: Store, facts: Facts) -> Receipt:
        operation = sent[-1]
        proof = ProveOperation(
            operation_id=id_of(operation.id), fence=1, evidence=fitting(operation), at=at
        )
        return await outcomes.prove(proof, store, facts)

    for step in (send, prove):
        await to.run(_by_nobody(tenant_id), step)


async def drift(
    to: Commands, tenant_id: Id, assignment_id: Id, actual: tuple[str, int] | None = None
) -> None:
    """Let the inventory show what is lent with nobody, or with somebody else."""
    at = datetime.now(UTC)

    async def note(store: Store, facts: Facts) -> Receipt:
        version = (await store.load(Assignment, assignment_id)).version
        command = commands.DetectDrift(
            assignment_id=assignment_id, version=version, actual=actual, read_at=at, at=at
        )
        return await detect_drift(command, store, facts)

    await to.run(_by_nobody(tenant_id), note)


async def fall_short(to: Commands, tenant_id: Id) -> Id:
    """An operation that the inventory has refused in a way that somebody has to look at."""
    at = datetime.now(UTC)
    operation = requested(tenant_id=tenant_id, at=at)

    async def block(store: Store, _: Facts) -> Receipt:
        operation.start_attempt(1, at)
        operation.block("not_found", "The inventory has no such thing.", at)
        return await store.save(operation)

    await to.run(_by_nobody(tenant_id), block)
    return id_of(operation.id)


def _by_nobody(tenant_id: Id) -> Envelope:
    return Envelope(tenant_id, None, "test")
