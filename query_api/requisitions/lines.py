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
from query_api.names import any_of
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

    ``state`` and ``sync`` are the assignment's own, null as of a moment in the past.
    ``substitution_reason`` says why ``item`` is not what the line asks for.
    """

    id: Id
    item: ItemModel
    quantity: int
    place: Literal["allocated", "issuing", "issued"]
    substitution_reason: str | None
    state: StateName | None
    sync: SyncModel | None


class LineModel(BaseModel):
    """A line, and what became of its units.

    ``issued`` counts what the inventory has confirmed. ``sync`` is the most pressing of what it
    has not, null once everything is confirmed.
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
    """What lines refer to: names, and how their assignments stand now."""

    things: Things
    states: Mapping[Id, str]
    syncs: Mapping[Id, Sequence[dict[str, Any]]]


async def look_up(reading: Reading, lines: Sequence[Any], *, is_now: bool) -> KnownLines:
    """What these lines refer to; how their assignments stand only where ``is_now``."""
    things: set[Thing] = {(line.kind, line.item_id) for line in lines if line.kind != PURCHASE}
    taken = [one for line in lines for one in line.assignments]
    things.update((one["item"]["kind"], one["item"]["id"]) for one in taken)
    rows: Sequence[Any] = ()
    if is_now and taken:
        rows = await reading.rows(
            reading.scope.select(assignments).where(A.id == any_of([one["id"] for one in taken]))
        )
    return KnownLines(
        things=await look_up_things(reading, things),
        states={row.id: row.state for row in rows},
        syncs=await syncs_of(reading, rows),
    )


def line(row: Any, known: KnownLines) -> dict[str, Any]:
    """A line."""
    met_by = [_assignment(one, known) for one in row.assignments]
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
        "assignments": met_by,
        "sync": most_pressing(one["sync"] for one in met_by),
    }


def _item(row: Any, known: KnownLines) -> dict[str, Any]:
    name = None if row.kind == PURCHASE else known.things.name_of(row.kind, row.item_id)
    return {"kind": row.kind, "id": row.item_id, "description": row.description, "name": name}


def _assignment(one: Mapping[str, Any], known: KnownLines) -> dict[str, Any]:
    id = one["id"]
    syncs = known.syncs.get(id, ())
    return {
        "id": id,
        "item": known.things.of(one["item"]["kind"], one["item"]["id"]),
        "quantity": one["quantity"],
        "place": one["place"],
        "substitution_reason": one["substitution_reason"],
        "state": known.states.get(id),
        "sync": syncs[0] if syncs else None,
    }
