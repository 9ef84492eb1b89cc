"""What every fold of an assignment's events does to its row."""

from typing import Any, Final

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors import circulation

NOTHING_OPEN: Final[Row] = {"operation_id": None, "operation_by": None, "operation_since": None}


def after(rows: Rows, recorded: RecordedEvent, changes: Row) -> Rows:
    """The rows after an event that changes these columns."""
    (assignment,) = rows["assignments"]
    changed = {
        **assignment,
        **changes,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "assignments": [changed]}


def waiting_for(operation_id: Id, by: Id | None, recorded: RecordedEvent) -> Row:
    """The columns that say that the inventory is being asked."""
    return {
        "operation_id": operation_id,
        "operation_by": by,
        "operation_since": recorded.recorded_at,
        "reason": None,
    }


def proven(rows: Rows, recorded: RecordedEvent, event: Any, changes: Row) -> Rows:
    """What the inventory has confirmed; another operation may be open at the same time."""
    (assignment,) = rows["assignments"]
    settled = NOTHING_OPEN if assignment["operation_id"] == event.operation_id else {}
    evidence = dict(event.evidence)
    attested = assignment["attested"] or evidence["attested_by"] is not None
    proof = {"evidence": evidence, "attested": attested, "reason": None}
    return after(rows, recorded, {**settled, **proof, **changes})


def reporting(rows: Rows, recorded: RecordedEvent, type: str, by: str | None, **known: Any) -> Rows:
    """A step of custody that leaves the same custodian on record."""
    custodian = custodian_of(rows["assignments"][0])
    return circulation.told(rows, recorded, type, before=custodian, after=custodian, by=by, **known)


def custodian_of(assignment: Row) -> Row:
    """Who is on record for it."""
    return {"kind": assignment["custodian_kind"], "id": assignment["custodian_id"]}
