"""What happened although it had been given up: undone, shown as drift, or left to a person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from domain.assignments.assignment import Assignment
from domain.assignments.content import CONSUMABLE, State
from domain.assignments.errors import InventoryAsked
from domain.assignments.standing import Awaited
from domain.custody import asking
from domain.custody.keeping import book_of, who_has
from domain.custody.meaning import Case, holder_of
from domain.ids import id_of, operation_id, uuid_of
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.rules import OPEN
from domain.ports import Store

LATE_EFFECT: Final = "late_effect"
NOT_TAKEN_BACK: Final = "late_effect_not_undone"
"""Consumables are with somebody: the inventory has no way back for them."""
_LIVE: Final = frozenset({State.ACTIVE, State.OVERDUE, State.LOSS_PENDING})


async def found_late(case: Case, evidence: EvidenceData, *, given_up: bool, at: datetime) -> None:
    """Deal with what happened after all.

    A hand-over that was given up is undone by an operation of its own; what then shows another
    holder than ours is drift; anything else is for a person to look at, also what another
    hand-over, which waits for a person, may count as its own. Raises ``InventoryAsked`` while a
    worker is to settle such a one.
    """
    assignment, operation = case.assignment, case.operation
    if assignment is None:
        return
    unclaimed = given_up and not await _is_being_issued(assignment, case.store)
    if unclaimed and operation.kind is Kind.CHECKOUT and await _nobody_has(assignment, case, at):
        _undo(case, Kind.CHECKIN, {"status_id": None, "location_id": None}, at)
    elif unclaimed and operation.kind is Kind.QUANTITY_CHECKOUT:
        _undo_units(case, assignment, evidence["rows"], at)
    elif given_up and operation.kind in (Kind.CHECKIN, Kind.CHECKOUT) and assignment.state in _LIVE:
        holder = holder_of(evidence)
        custodian = await case.facts.custodian(assignment.custodian.kind, assignment.custodian.id)
        if custodian is None or holder != (custodian.kind, custodian.external_id):
            assignment.detect_drift(holder, datetime.fromisoformat(evidence["read_at"]), at)
    lasting = given_up and operation.item["kind"] == CONSUMABLE
    assignment.raise_attention(id_of(operation.id), NOT_TAKEN_BACK if lasting else LATE_EFFECT, at)


async def _is_being_issued(assignment: Assignment, store: Store) -> bool:
    """Whether a hand-over of it may yet find what an earlier one did, and a person sees to it.

    Raises ``InventoryAsked`` where a worker does.
    """
    for pending in assignment.standing.pending.values():
        if pending.awaited is Awaited.ISSUE:
            operation = await store.load(InventoryOperation, pending.operation_id)
            if operation.state in OPEN:
                raise InventoryAsked
            return True
    return False


async def _nobody_has(assignment: Assignment, case: Case, at: datetime) -> bool:
    """Whether the asset, as we say, is with nobody, so that its hand-over is not wanted.

    Whoever has it is saved with the case: should that change meanwhile, it is decided anew.
    Raises ``InventoryAsked`` while a worker is handing it to somebody: that may be the same
    person, and then it is theirs.
    """
    returned = assignment.standing.outcome == "returned"
    if not returned and assignment.state not in (State.RESERVED, State.CANCELLED):
        return False
    book = await book_of(assignment.item, assignment.tenant_id, case.store, at)
    holders = await who_has(book, case.store)
    case.others += [book, *holders]
    for holder in holders:
        await _is_being_issued(holder, case.store)
    return not holders


def _undo_units(case: Case, assignment: Assignment, rows: Sequence[int], at: datetime) -> None:
    """Take back the units of an accessory that the assignment does not count as its own."""
    standing = assignment.standing
    if assignment.state in _LIVE and len(standing.rows) < standing.outstanding:
        # Somebody vouched for a hand-over, so nobody knows which units it made: maybe these.
        return
    unwanted = [row for row in rows if row not in standing.rows]
    if unwanted:
        wanted = {"quantity": len(unwanted), "rows": unwanted}
        _undo(case, Kind.QUANTITY_CHECKIN, wanted, at)


def _undo(case: Case, kind: Kind, wanted: dict[str, Any], at: datetime) -> None:
    operation = case.operation
    given_up = id_of(operation.id)
    undoing = InventoryOperation.request(
        uuid_of(operation_id(given_up, kind, 1)),
        tenant_id=operation.tenant_id,
        kind=kind,
        purpose="return",
        subject_kind=asking.SUBJECT,
        subject_id=operation.subject_id,
        item=operation.item,
        target=operation.target,
        wanted=wanted,
        requested_by=None,
        compensates=given_up,
        at=at,
    )
    operation.request_compensation(id_of(undoing.id), at)
    case.add_operation(undoing, at)
