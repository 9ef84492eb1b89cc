"""Whether what the inventory shows is what an operation wanted. Otherwise nothing is claimed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.assignments.content import CONSUMABLE
from domain.assignments.events import EvidenceData as Proof
from domain.custody.asking import LOSS
from domain.custody.errors import EvidenceUnfit
from domain.fields import time_text
from domain.ids import Id
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation

_DATE_LENGTH: Final = len("2026-11-21")


def check_evidence(operation: InventoryOperation, evidence: EvidenceData) -> None:
    """Raise ``EvidenceUnfit`` where the evidence does not show what was wanted.

    Only the kinds that an assignment asks for are looked at: the others prove themselves.
    """
    if operation.item["external_id"] not in (None, evidence["external_id"]):
        raise EvidenceUnfit("This is about another thing.")
    if not _shows(operation, evidence):
        raise EvidenceUnfit


def proof_of(evidence: EvidenceData) -> Proof:
    """The evidence as it stands in an assignment's event."""
    return Proof(**evidence, attested_by=None)


def word_for(operation: InventoryOperation, by: Id, at: datetime) -> Proof:
    """What an inventory manager vouches for at ``at``: the inventory is as was wanted."""
    wanted, target = operation.wanted, operation.target
    out = operation.kind not in (Kind.CHECKIN, Kind.QUANTITY_CHECKIN, Kind.QUANTITY_WRITE_OFF)
    return Proof(
        external_id=operation.item["external_id"] or 0,
        assigned_to=(target["kind"], target["external_id"]) if target and out else None,
        last_checkout=None,
        last_checkin=None,
        expected_checkin=wanted.get("due"),
        status_id=wanted.get("status_id"),
        rows=[],
        activity_id=None,
        read_at=time_text(at),
        attested_by=by,
    )


def _shows(operation: InventoryOperation, evidence: EvidenceData) -> bool:  # noqa: PLR0911 - one line a kind
    wanted, target = operation.wanted, operation.target
    holder = None if evidence["assigned_to"] is None else tuple(evidence["assigned_to"])
    who = None if target is None else (target["kind"], target["external_id"])
    match operation.kind:
        case Kind.CHECKOUT:
            return holder is not None and holder == who and _is_due(wanted, evidence)
        case Kind.CHECKIN:
            return holder is None and wanted.get("status_id") in (None, evidence["status_id"])
        case Kind.SET_DUE:
            return holder == who and _is_due(wanted, evidence)
        case Kind.SET_STATUS:
            elsewhere = operation.purpose == LOSS and holder not in (None, who)
            return not elsewhere and bool(evidence["status_id"] == wanted["status_id"])
        case Kind.QUANTITY_CHECKOUT:
            if holder is None or holder != who:
                return False
            if operation.item["kind"] == CONSUMABLE:
                return evidence["activity_id"] is not None
            return len(evidence["rows"]) >= int(wanted["quantity"])
        case Kind.QUANTITY_CHECKIN | Kind.QUANTITY_WRITE_OFF:
            known = len(wanted["rows"]) == int(wanted["quantity"])
            return known and not set(wanted["rows"]) & set(evidence["rows"])
        case _:
            return True


def _is_due(wanted: Mapping[str, Any], evidence: EvidenceData) -> bool:
    return _date(evidence["expected_checkin"]) == _date(wanted.get("due"))


def _date(text: str | None) -> str | None:
    return None if text is None else text[:_DATE_LENGTH]
