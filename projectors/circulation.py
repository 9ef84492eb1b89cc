"""The custody feed: one more row for each event after which somebody else has the item, or after
which somebody has said where it is.
"""

from typing import Any, Final

from domain.fields import time_of
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows

ISSUE: Final = "issue"
RETURN: Final = "return"
MOVE: Final = "move"
LOSS: Final = "loss"

RECEIVE: Final = "receive"
CONFIRM: Final = "confirm"
DECLINE: Final = "decline"
LOSS_REPORT: Final = "loss_report"
RECOVER: Final = "recover"


def told(
    rows: Rows,
    recorded: RecordedEvent,
    type: str,
    *,
    before: Row | None,
    after: Row | None,
    by: str | None,
    **known: Any,
) -> Rows:
    """The rows with one more step of custody.

    ``before`` and ``after`` are who is on record for the item; ``known`` are other columns.
    """
    (assignment,) = rows["assignments"]
    step: Row = {
        "position": recorded.position,
        "tenant_id": recorded.tenant_id,
        "assignment_id": recorded.aggregate_id,
        "at": recorded.recorded_at,
        "type": type,
        "confirmed": False,
        "attested": False,
        "item_kind": assignment["item_kind"],
        "item_id": assignment["item_id"],
        "quantity": assignment["quantity"],
        "project_id": assignment["project_id"],
        "by": by,
        "custodian_before": before,
        "custodian_after": after,
        "operation_id": None,
        "read_at": None,
        "location_id": None,
        "note": None,
        **known,
    }
    return {**rows, "circulation": [*rows.get("circulation", ()), step]}


def proof_of(event: Any) -> Row:
    """The columns that say what an event that claims something of the inventory rests on.

    Where somebody vouched for it, the inventory was not read, and has confirmed nothing.
    """
    attested = event.evidence["attested_by"] is not None
    return {
        "operation_id": event.operation_id,
        "confirmed": not attested,
        "attested": attested,
        "read_at": None if attested else time_of(event.evidence["read_at"]),
    }
