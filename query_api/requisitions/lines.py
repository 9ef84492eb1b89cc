"""How the lines of a requisition look in an answer, with the assignments that meet them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel

from domain.ids import Id
from domain.requisitions.content import PURCHASE
from query_api.assignments.models import ItemModel, StateName, SyncModel
from query_api.assignments.syncs import most_pressing, syncs_of
from query_api.inventory_names import Thing, Things, look_up_things
from query_api.reader import Reading
from read_tables.assignments import assignments

A: Final = assignments.c


class LineItemModel(BaseModel):
    """What is asked for. ``name`` is the inventory's, as the mirror last saw it."""

    kind: str
    id: str | None
    description: str | None
    name: str | None


class LineAssignmentModel(BaseModel):
    """An assignment that meets a line, and where its units are.

    ``state``, ``outcome``, ``successor_id`` and ``sync`` are the assignment's own, null as of a
    moment in the past. What was handed on is closed as ``transferred``: the units are out under
    the assignment ``successor_id``. ``substitution_reason`` says why ``item`` is not what the line
    asks for.
    """

    id: Id
    item: ItemModel
    quantity: int
    place: Literal["allocated", "issuing", "issued"]
    substitution_reason: str | None
    state: StateName | None
    outcome: str | None
    successor_id: Id | None
    sync: SyncModel | None


class LineModel(BaseModel):
    """A line, and what became of its units.

    ``issued`` counts what the inventory has confirmed. ``sync`` is the most pressing of what it
    has not, of these assignments and of those that they were handed on as; null once everything
    is confirmed.
    """

    id: Id
    item: LineItemModel
    requested: int
    approved: int
    allocated: int
    issuing: int
    issued: int
    closed_short: int
    note: str | None
    assignments: list[LineAssignmentModel]
    sync: SyncModel | None


class RequisitionLines(BaseModel):
    """All lines of a requisition."""

    items: list[LineModel]
    next: None


@dataclass(frozen=True, slots=True)
class KnownLines:
    """What lines refer to: names, and how all assignments that began with them stand now.

    ``syncs`` is what is not confirmed of each assignment, ``line_syncs`` of each line.
    """

    things: Things
    assignments: Mapping[Id, Any]
    syncs: Mapping[Id, Sequence[dict[str, Any]]]
    line_syncs: Mapping[Id, Sequence[dict[str, Any]]]


async def look_up(reading: Reading, lines: Sequence[Any], *, is_now: bool) -> KnownLines:
    """What these lines of a requisition refer to; how assignments stand only where ``is_now``."""
    things: set[Thing] = {(line.kind, line.item_id) for line in lines if line.kind != PURCHASE}
    taken = [one for line in lines for one in line.assignments]
    things.update((one["item"]["kind"], one["item"]["id"]) for one in taken)
    rows: Sequence[Any] = ()
    if is_now and taken:
        rows = await reading.rows(
            reading.scope.select(assignments).where(A.requisition_id == lines[0].requisition_id)
        )
    syncs = await syncs_of(reading, rows)
    line_syncs: dict[Id, list[dict[str, Any]]] = {}
    for row in rows:
        line_syncs.setdefault(row.line_id, []).extend(syncs.get(row.id, ()))
    return KnownLines(
        things=await look_up_things(reading, things),
        assignments={row.id: row for row in rows},
        syncs=syncs,
        line_syncs=line_syncs,
    )


def line(row: Any, known: KnownLines) -> dict[str, Any]:
    """A line."""
    return {
        "id": row.line_id,
        "item": _item(row, known),
        "requested": row.requested,
        "approved": row.approved,
        "allocated": row.allocated,
        "issuing": row.issuing,
        "issued": row.issued,
        "closed_short": row.closed_short,
        "note": row.note,
        "assignments": [_assignment(one, known) for one in row.assignments],
        "sync": most_pressing(known.line_syncs.get(row.line_id, ())),
    }


def _item(row: Any, known: KnownLines) -> dict[str, Any]:
    name = None if row.kind == PURCHASE else known.things.name_of(row.kind, row.item_id)
    return {"kind": row.kind, "id": row.item_id, "description": row.description, "name": name}


def _assignment(one: Mapping[str, Any], known: KnownLines) -> dict[str, Any]:
    id = one["id"]
    now = known.assignments.get(id)
    syncs = known.syncs.get(id, ())
    return {
        "id": id,
        "item": known.things.of(one["item"]["kind"], one["item"]["id"]),
        "quantity": one["quantity"],
        "place": one["place"],
        "substitution_reason": one["substitution_reason"],
        "state": None if now is None else now.state,
        "outcome": None if now is None else now.outcome,
        "successor_id": None if now is None else now.successor_id,
        "sync": syncs[0] if syncs else None,
    }
