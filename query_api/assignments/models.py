"""What an answer says of an assignment, for the documents."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from domain.ids import Id
from query_api.shapes import NamedModel

StateName = Literal[
    "reserved",
    "issuing",
    "active",
    "overdue",
    "returning",
    "transferring",
    "loss_pending",
    "closed",
    "cancelled",
]
ItemKind = Literal["asset", "accessory", "consumable"]
SyncState = Literal["pending", "needs_attention", "failed"]


class ItemModel(BaseModel):
    """What is lent. Name, tag and model are the inventory's, as the mirror last saw them."""

    kind: str
    id: Id
    name: str | None
    tag: str | None
    model: NamedModel | None


class CustodianModel(BaseModel):
    """Who has it, or had it: a member or a location."""

    kind: Literal["user", "location"]
    id: Id
    name: str | None


class SyncModel(BaseModel):
    """The operation that the inventory has not confirmed."""

    state: SyncState | Literal["compensated"]
    since: datetime
    attempts: int
    last_error: str | None
    operation_id: Id


class ExtensionModel(BaseModel):
    """The due date that is asked for; once it is ``approved``, the inventory is being asked."""

    state: Literal["requested", "approved"]
    due: datetime
    reason: str | None


class DriftModel(BaseModel):
    """The inventory says otherwise: ``actual`` has it there, null is nobody.

    ``units`` of an accessory are with nobody there, others may be where we say; null for an asset.
    """

    actual: tuple[str, int] | None
    units: int | None
    read_at: datetime
    resolution: Literal["external_return", "reasserted", "relinked"] | None


class AssignmentItem(BaseModel):
    """An assignment as it stands in a list.

    ``issued`` and ``returned`` count units that the inventory has confirmed, ``as_of`` is when it
    was read for that. ``attested`` is true where an inventory manager vouched for any of it
    instead; ``as_of`` is null where that was the last word. What is missing, used up, lost or
    handed on is not ``returned``. ``sync`` is null once everything is confirmed.
    """

    id: Id
    state: StateName
    outcome: str | None
    item: ItemModel
    quantity: int
    issued: int
    returned: int
    outstanding: int
    custodian: CustodianModel
    project: NamedModel | None
    requisition_id: Id | None
    line_id: Id | None
    begins: datetime
    due: datetime | None
    overdue: bool
    extension: ExtensionModel | None
    renewals: int
    verified: bool
    offline: bool
    issued_at: datetime | None
    returned_at: datetime | None
    as_of: datetime | None
    attested: bool
    accepted_at: datetime | None
    declined_at: datetime | None
    drift: DriftModel | None
    sync: SyncModel | None
    reason: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    version: int


class AssignmentPage(BaseModel):
    """One page of assignments."""

    items: list[AssignmentItem]
    next: str | None


class UnitModel(BaseModel):
    """Units that came back in one condition."""

    quantity: int
    condition: str
    note: str | None


class CheckModel(BaseModel):
    """One point of the checklist."""

    name: str
    passed: bool


class ReturnModel(BaseModel):
    """What was received at the desk; ``confirmed_at`` once the inventory agrees.

    Without ``operation_id`` it waits until its hand-over is settled, or ``failed`` with it.
    """

    operation_id: Id | None
    quantity: int
    units: list[UnitModel]
    checklist: list[CheckModel]
    location: NamedModel | None
    note: str | None
    by: NamedModel
    at: datetime
    confirmed_at: datetime | None
    failed: str | None


class AcceptanceModel(BaseModel):
    """What the custodian says to having it."""

    accepted_by: NamedModel | None
    witness: NamedModel | None
    terms: str | None
    decline_reason: str | None


class LossModel(BaseModel):
    """That it is said to be gone; ``confirmed_at`` once the inventory lists it so.

    ``recovered_at`` once it was found again and the inventory has it back.
    """

    kind: Literal["lost", "stolen"]
    note: str | None
    by: NamedModel
    at: datetime
    confirmed_at: datetime | None
    recovered_at: datetime | None


class TransferModel(BaseModel):
    """To whom it is being handed on."""

    to: CustodianModel
    successor_id: Id
    by: NamedModel
    at: datetime


class EvidenceModel(BaseModel):
    """What the inventory said when it was read back, or what ``attested_by`` vouched for."""

    external_id: int
    assigned_to: tuple[str, int] | None
    last_checkout: str | None
    last_checkin: str | None
    expected_checkin: str | None
    status_id: int | None
    rows: list[int]
    activity_id: int | None
    read_at: datetime
    attested_by: Id | None


class AssignmentModel(AssignmentItem):
    """An assignment on a page of its own. ``syncs`` are all operations that are not confirmed."""

    reserved_by: NamedModel | None
    acceptance: AcceptanceModel
    evidence: EvidenceModel | None
    returns: list[ReturnModel]
    loss: LossModel | None
    transfer: TransferModel | None
    successor_id: Id | None
    transferred_from: Id | None
    syncs: list[SyncModel]
