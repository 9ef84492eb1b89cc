"""What the inventory says against us, held against what we say by the time it is noted."""

from domain.assignments.assignment import Assignment
from domain.assignments.commands import DetectDrift, DetectUnitsDrift
from domain.ports import Facts, Receipt, Store


async def detect_drift(command: DetectDrift, store: Store, facts: Facts) -> Receipt:
    """Note who has it according to the inventory, unless that is whom we name, too.

    What was read before the assignment last changed says nothing about it any more: raises
    ``VersionMismatch``. Times would not tell: whoever changed it has another clock.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.version)
    custodian = await facts.custodian(assignment.custodian.kind, assignment.custodian.id)
    ours = None if custodian is None else (custodian.kind, custodian.external_id)
    if ours != command.actual:
        assignment.detect_drift(command.actual, command.read_at, command.at)
    return await store.save(assignment)


async def detect_units_drift(command: DetectUnitsDrift, store: Store, facts: Facts) -> Receipt:
    """Note which units of an accessory nobody has any more, according to the inventory.

    Raises ``VersionMismatch`` as ``detect_drift`` does.
    """
    assignment = await store.load(Assignment, command.assignment_id, command.version)
    assignment.detect_units_drift(command.unlisted, command.read_at, command.at)
    return await store.save(assignment)
