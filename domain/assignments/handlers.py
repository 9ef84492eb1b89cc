"""The commands that concern nothing but the assignment: load, ask, save.

What concerns its item, its requisition or the inventory, too, stands in ``domain.custody``. All
of them raise ``NotFound``, ``VersionMismatch`` and the refusals of the verb that they ask.
"""

from domain.assignments import commands
from domain.assignments.assignment import Assignment
from domain.assignments.rules import Asked
from domain.ports import Facts, Receipt, Store


async def accept(command: commands.AcceptAssignment, store: Store, facts: Facts) -> Receipt:
    """The custodian agrees to have it."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    asked = Asked(command.by, command.at)
    assignment.accept(command.terms, asked, witnessed=command.witnessed)
    return await store.save(assignment)


async def decline(command: commands.DeclineAssignment, store: Store, facts: Facts) -> Receipt:
    """The custodian does not want it."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    assignment.decline(command.reason, Asked(command.by, command.at))
    return await store.save(assignment)


async def refuse_extension(
    command: commands.RefuseExtension, store: Store, facts: Facts
) -> Receipt:
    """Leave it due as it is."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    assignment.refuse_extension(command.reason, Asked(command.by, command.at))
    return await store.save(assignment)


async def tell_to_collect(command: commands.TellToCollect, store: Store, facts: Facts) -> Receipt:
    """Say that the time of a reservation is near."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.tell_to_collect(command.at)
    return await store.save(assignment)


async def mark_overdue(command: commands.MarkOverdue, store: Store, facts: Facts) -> Receipt:
    """Say that the time it was due has passed."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.mark_overdue(command.at)
    return await store.save(assignment)


async def remind(command: commands.RemindOfDue, store: Store, facts: Facts) -> Receipt:
    """Remind of the due date, once for each day."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.remind(command.day, command.at)
    return await store.save(assignment)


async def report_loss(command: commands.ReportLoss, store: Store, facts: Facts) -> Receipt:
    """Say that it is gone."""
    assignment = await store.load(Assignment, command.assignment_id, command.expected_version)
    assignment.report_loss(command.kind, command.note, Asked(command.by, command.at))
    return await store.save(assignment)


async def drift_vanished(command: commands.DriftVanished, store: Store, facts: Facts) -> Receipt:
    """The inventory agrees again."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.drift_vanished(command.at)
    return await store.save(assignment)
