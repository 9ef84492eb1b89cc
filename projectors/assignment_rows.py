"""What every fold of an assignment's events does to its row.

The state is never assigned: it follows from the row as it does in the aggregate.
"""

from typing import Any

from domain.assignments.content import Custodian, Received
from domain.assignments.standing import Awaited, Noted, Pending, Standing, Transfer
from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors import circulation


def after(rows: Rows, recorded: RecordedEvent, changes: Row) -> Rows:
    """The rows after an event that changes these columns."""
    changed = {
        **assignment_in(rows),
        **changes,
        "updated_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "assignments": [{**changed, "state": _standing(changed).state.value}]}


def asking(rows: Rows, operation_id: Id, awaited: Awaited, by: Id | None, quantity: int = 0) -> Row:
    """The columns that say that the inventory is being asked."""
    waits = {
        "operation_id": operation_id,
        "awaited": awaited.value,
        "quantity": quantity,
        "by": by,
    }
    pending = [*assignment_in(rows)["pending"], waits]
    return {"pending": pending, "operation_id": operation_id, "reason": None}


def proven(rows: Rows, recorded: RecordedEvent, event: Any, changes: Row) -> Rows:
    """What the inventory has confirmed; another operation may be open at the same time."""
    evidence = dict(event.evidence)
    proof = {
        "evidence": evidence,
        "attested": assignment_in(rows)["attested"] or evidence["attested_by"] is not None,
    }
    return after(rows, recorded, {**settled(rows, event.operation_id), **proof, **changes})


def confirming(
    rows: Rows,
    recorded: RecordedEvent,
    event: Any,
    changes: Row,
    type: str,
    *,
    to: Row | None = None,
    **known: Any,
) -> Rows:
    """A step of custody with its proof: whoever had it has it no longer, ``to`` has it now."""
    before = assignment_in(rows)
    return circulation.told(
        proven(rows, recorded, event, changes),
        recorded,
        type,
        before=custodian_of(before),
        after=to,
        by=asked_by(before, event.operation_id),
        **known,
        **circulation.proof_of(event),
    )


def settled(rows: Rows, operation_id: Id | None) -> Row:
    """The columns that say that the inventory is as an operation wanted it."""
    pending = _without(assignment_in(rows), operation_id)
    latest = pending[-1]["operation_id"] if pending else None
    return {"pending": pending, "operation_id": latest, "reason": None}


def refused(rows: Rows, recorded: RecordedEvent, event: Any, changes: Row | None = None) -> Rows:
    """What the inventory has refused: the row goes on naming the operation."""
    pending = _without(assignment_in(rows), event.operation_id)
    answer = {"pending": pending, "reason": event.reason}
    return after(rows, recorded, {**answer, **(changes or {})})


def reporting(rows: Rows, recorded: RecordedEvent, type: str, by: Id | None, **known: Any) -> Rows:
    """A step of custody that leaves the same custodian on record, or nobody as before."""
    assignment = assignment_in(rows)
    custodian = None if assignment["issued_at"] is None else custodian_of(assignment)
    return circulation.told(rows, recorded, type, before=custodian, after=custodian, by=by, **known)


def assignment_in(rows: Rows) -> Row:
    """The assignment's own row."""
    (assignment,) = rows["assignments"]
    return assignment


def custodian_of(assignment: Row) -> Row:
    """Who is on record for it."""
    return {"kind": assignment["custodian_kind"], "id": assignment["custodian_id"]}


def asked_by(assignment: Row, operation_id: Id) -> Id | None:
    """Who asked for an operation that is open."""
    asked: list[Id | None] = [
        waits["by"] for waits in assignment["pending"] if waits["operation_id"] == operation_id
    ]
    return asked[0] if asked else None


def is_noted(received: Row) -> bool:
    """Whether something came back before its hand-over was settled, and that is not settled."""
    return received["operation_id"] is None and received["failed"] is None


def _without(assignment: Row, operation_id: Id | None) -> list[Row]:
    return [waits for waits in assignment["pending"] if waits["operation_id"] != operation_id]


def _standing(row: Row) -> Standing:
    transfer = row["transfer"]
    return Standing(
        outstanding=row["outstanding"],
        due=row["due"],
        handed_over=row["issued_at"] is not None,
        cancelled=row["state"] == "cancelled",
        overdue=row["overdue"],
        outcome=row["outcome"],
        pending={waits["operation_id"]: _pending(waits) for waits in row["pending"]},
        loss=None if row["loss"] is None else row["loss"]["kind"],
        noted=tuple(Noted(Received(()), one["by"]) for one in row["returns"] if is_noted(one)),
        transfer=None
        if transfer is None
        else Transfer(Custodian(**transfer["to"]), transfer["successor_id"], "", transfer["by"]),
    )


def _pending(waits: Row) -> Pending:
    return Pending(waits["operation_id"], Awaited(waits["awaited"]), waits["quantity"])
