"""How an assignment looks in an answer: rows made into what the models say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.ids import Id
from query_api import names
from query_api.assignments.syncs import syncs_of
from query_api.inventory_names import LOCATION, Custodians, Thing, Things, look_up_things
from query_api.names import Names
from query_api.reader import Reading


@dataclass(frozen=True, slots=True)
class Known:
    """What rows of assignments refer to."""

    names: Names
    things: Things
    syncs: Mapping[Id, Sequence[dict[str, Any]]]

    @property
    def custodians(self) -> Custodians:
        """Members and locations."""
        return Custodians(self.names, self.things)


async def look_up(reading: Reading, rows: Sequence[Any]) -> Known:
    """What these assignments refer to: names, and the operations that are not confirmed."""
    users: set[Id | None] = set()
    things: set[Thing] = set()
    for row in rows:
        users.update(_people_in(row))
        things.update(_things_in(row))
    projects = {row.project_id for row in rows}
    return Known(
        names=await names.look_up(reading.snapshot, reading.scope, users, projects),
        things=await look_up_things(reading, things),
        syncs=await syncs_of(reading, rows),
    )


def assignment(row: Any, known: Known) -> dict[str, Any]:
    """An assignment as a list shows it."""
    issued = row.quantity if row.issued_at is not None else 0
    syncs = known.syncs.get(row.id, ())
    return {
        "id": row.id,
        "state": row.state,
        "outcome": row.outcome,
        "item": known.things.of(row.item_kind, row.item_id),
        "quantity": row.quantity,
        "issued": issued,
        "returned": row.returned,
        "outstanding": row.outstanding,
        "custodian": known.custodians.of(row.custodian_kind, row.custodian_id),
        "project": known.names.of_optional(row.project_id),
        "requisition_id": row.requisition_id,
        "line_id": row.line_id,
        "begins": row.begins,
        "due": row.due,
        "overdue": row.overdue,
        "extension": _extension(row),
        "renewals": row.renewals,
        "verified": row.verified,
        "offline": row.offline,
        "issued_at": row.issued_at,
        "returned_at": row.returned_at,
        "as_of": _read_at(row.evidence),
        "attested": row.attested,
        "accepted_at": row.accepted_at,
        "declined_at": row.declined_at,
        "drift": _drift(row.drift),
        "sync": syncs[0] if syncs else None,
        "reason": row.reason,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "closed_at": row.closed_at,
        "version": row.version,
    }


def full_assignment(row: Any, known: Known) -> dict[str, Any]:
    """An assignment with all that is known of it."""
    people = known.names
    return {
        **assignment(row, known),
        "reserved_by": people.of_optional(row.reserved_by),
        "acceptance": {
            "accepted_by": people.of_optional(row.accepted_by),
            "witness": people.of_optional(row.witness_id),
            "terms": row.terms,
            "decline_reason": row.decline_reason,
        },
        "evidence": row.evidence,
        "returns": [_return(one, known) for one in row.returns],
        "loss": _loss(row.loss, known),
        "transfer": _transfer(row.transfer, known),
        "successor_id": row.successor_id,
        "transferred_from": row.transferred_from,
        "syncs": known.syncs.get(row.id, ()),
    }


def _read_at(evidence: Mapping[str, Any] | None) -> str | None:
    """When the inventory was read for it: for what somebody vouched for, nobody read it."""
    if evidence is None or evidence["attested_by"] is not None:
        return None
    return str(evidence["read_at"])


def _extension(row: Any) -> dict[str, Any] | None:
    if row.extension is None:
        return None
    return {"state": row.extension, "due": row.asked_due, "reason": row.extension_reason}


def _drift(drift: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {name: drift.get(name) for name in ("actual", "units", "read_at", "resolution")}


def _return(one: Mapping[str, Any], known: Known) -> dict[str, Any]:
    location_id = one["location_id"]
    location = None
    if location_id is not None:
        location = {"id": location_id, "name": known.things.name_of(LOCATION, location_id)}
    told = {name: value for name, value in one.items() if name != "location_id"}
    return {**told, "location": location, "by": known.names.of(one["by"])}


def _loss(loss: Mapping[str, Any] | None, known: Known) -> dict[str, Any] | None:
    if loss is None:
        return None
    return {"recovered_at": None, **loss, "by": known.names.of(loss["by"])}


def _transfer(transfer: Mapping[str, Any] | None, known: Known) -> dict[str, Any] | None:
    if transfer is None:
        return None
    to = known.custodians.of_optional(transfer["to"])
    return {**transfer, "to": to, "by": known.names.of(transfer["by"])}


def _people_in(row: Any) -> Iterable[Id | None]:
    yield from (row.reserved_by, row.accepted_by, row.witness_id)
    if row.custodian_kind != LOCATION:
        yield row.custodian_id
    for told in (*row.returns, row.loss, row.transfer):
        if told is not None:
            yield told["by"]
    if row.transfer is not None and row.transfer["to"]["kind"] != LOCATION:
        yield row.transfer["to"]["id"]


def _things_in(row: Any) -> Iterable[Thing]:
    yield row.item_kind, row.item_id
    if row.custodian_kind == LOCATION:
        yield LOCATION, row.custodian_id
    if row.transfer is not None and row.transfer["to"]["kind"] == LOCATION:
        yield LOCATION, row.transfer["to"]["id"]
    for one in row.returns:
        if one["location_id"] is not None:
            yield LOCATION, one["location_id"]
