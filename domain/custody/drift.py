"""What the inventory says against us, when it has said so twice; and that it agrees again.

Both raise ``NotFound``, and ``WrongState`` where the assignment has moved on.
"""

from dataclasses import dataclass
from datetime import datetime

from domain.assignments.assignment import Assignment
from domain.ids import Id
from domain.ports import Facts, Receipt, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDrift:
    """Two reads in a row, the last at ``read_at``, show ``actual`` instead of the custodian.

    ``actual`` is (kind, the inventory's number), None where nobody has the item over there.
    """

    assignment_id: Id
    actual: tuple[str, int] | None
    read_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAgreement:
    """Two reads in a row show the custodian again."""

    assignment_id: Id
    at: datetime


async def note_drift(command: NoteDrift, store: Store, facts: Facts) -> Receipt:
    """Show that the inventory disagrees, if it still does with what we say by now."""
    assignment = await store.load(Assignment, command.assignment_id)
    custodian = await facts.custodian(assignment.custodian.kind, assignment.custodian.id)
    ours = None if custodian is None else (custodian.kind, custodian.external_id)
    if ours != command.actual and assignment.modified_on <= command.read_at:
        assignment.detect_drift(command.actual, command.read_at, command.at)
    return await store.save(assignment)


async def note_agreement(command: NoteAgreement, store: Store, facts: Facts) -> Receipt:
    """Let go of a drift that nobody has dealt with."""
    assignment = await store.load(Assignment, command.assignment_id)
    assignment.drift_vanished(command.at)
    return await store.save(assignment)
