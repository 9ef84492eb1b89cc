"""GET /inventory/status: whether the inventory can be asked, and what it has yet to confirm."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import func

from infrastructure.inventory.tables import mirror_kinds
from query_api import answers
from query_api.inventory_standing import InventoryStanding, read_standing
from query_api.reader import ANYBODY, Reading, reads
from query_api.routing import object_responses, router
from read_tables.assignments import HAS_DRIFTED, assignments
from read_tables.inventory_operations import inventory_operations

inventory_status = router("inventory")

_COUNTED: Final = ("pending", "needs_attention", "failed", "compensated")


class CircuitModel(BaseModel):
    """Whether calls go through: an ``open`` circuit is tried again at ``retry_at``."""

    state: Literal["closed", "open", "half_open"]
    reason: str | None
    since: datetime | None
    retry_at: datetime | None


class MirroredKindModel(BaseModel):
    """What the mirror holds of one kind of thing, read completely at ``as_of``."""

    kind: str
    as_of: datetime
    things: int


class MirrorModel(BaseModel):
    """How old our picture of the inventory is. ``doubt`` says why it is not to be believed.

    ``error`` is the class of why nothing has been read since ``failing_since``.
    """

    as_of: datetime | None
    swept_at: datetime | None
    error: str | None
    failing_since: datetime | None
    doubt: str | None
    kinds: list[MirroredKindModel]


class CountsModel(BaseModel):
    """Operations that are not confirmed, by state."""

    pending: int
    needs_attention: int
    failed: int
    compensated: int


class InventoryStatus(BaseModel):
    """The tenant's inventory as everybody may know it."""

    connected: bool
    circuit: CircuitModel
    mirror: MirrorModel
    operations: CountsModel
    oldest_pending_since: datetime | None
    oldest_attention_since: datetime | None
    drifted: int


@inventory_status.get(
    "/inventory/status",
    operation_id="read_inventory_status",
    response_model=InventoryStatus,
    responses=object_responses(),
)
async def read_inventory_status(
    reading: Annotated[Reading, reads(ANYBODY, projections=("custody",))],
) -> Response:
    """Whether the inventory can be asked, how old the mirror is, and what waits for it."""
    scope = reading.scope
    standing = await read_standing(reading)
    kinds = await reading.rows(scope.select(mirror_kinds).order_by(mirror_kinds.c.kind))
    operation = inventory_operations.c
    counted = await reading.rows(
        scope.select(
            inventory_operations,
            operation.state,
            func.count().label("number"),
            func.min(operation.since).label("oldest"),
        )
        .where(operation.state.in_(_COUNTED))
        .group_by(operation.state)
    )
    drifted = await reading.row(
        scope.select(assignments, func.count().label("number")).where(HAS_DRIFTED)
    )
    by_state = {row.state: row for row in counted}
    body = {
        "connected": standing.connected,
        "circuit": _circuit(standing),
        "mirror": {**_mirror(standing, reading.at), "kinds": [_kind(kind) for kind in kinds]},
        "operations": {
            state: by_state[state].number if state in by_state else 0 for state in _COUNTED
        },
        "oldest_pending_since": _oldest(by_state, "pending"),
        "oldest_attention_since": _oldest(by_state, "needs_attention"),
        "drifted": 0 if drifted is None else drifted.number,
    }
    return answers.one(reading, body, reading.position, names=True)


def _circuit(standing: InventoryStanding) -> dict[str, Any]:
    return {
        "state": standing.circuit,
        "reason": standing.circuit_reason,
        "since": standing.circuit_since,
        "retry_at": standing.retry_at,
    }


def _mirror(standing: InventoryStanding, at: datetime) -> dict[str, Any]:
    return {
        "as_of": standing.as_of,
        "swept_at": standing.swept_at,
        "error": standing.mirror_error,
        "failing_since": standing.mirror_failing_since,
        "doubt": standing.doubt(at),
    }


def _kind(kind: Any) -> dict[str, Any]:
    return {"kind": kind.kind, "as_of": kind.as_of, "things": kind.things}


def _oldest(by_state: dict[str, Any], state: str) -> datetime | None:
    return by_state[state].oldest if state in by_state else None
