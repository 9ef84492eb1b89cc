"""What the report of a project says, for the documents."""

from datetime import datetime

from pydantic import BaseModel

from domain.ids import Id
from query_api.assignments.models import (
    CustodianModel,
    DriftModel,
    ItemModel,
    StateName,
    SyncModel,
)
from query_api.requisitions.lines import LineItemModel
from query_api.requisitions.shape import StateName as RequisitionStateName
from query_api.shapes import NamedModel


class OutItem(BaseModel):
    """Units that the inventory has confirmed to be out, since when and until when.

    ``sync`` is what it has not confirmed since, ``drift`` what it says otherwise by now, and
    ``attested`` is true where somebody vouched for any of it instead.
    """

    assignment_id: Id
    item: ItemModel
    quantity: int
    custodian: CustodianModel
    state: StateName
    since: datetime
    due: datetime | None
    overdue: bool
    drift: DriftModel | None
    attested: bool
    sync: SyncModel | None


class ConditionItem(BaseModel):
    """So many units in this condition."""

    condition: str
    quantity: int


class UsedItem(BaseModel):
    """What the project has or had, over which period, and what came back of it.

    ``returned`` counts units that the inventory has confirmed to be back, ``conditions`` those of
    them that came back at the desk, where somebody looked at them. ``gone`` are units that did not
    come back, as the inventory has confirmed: missing or consumed. ``until`` is null while any of
    it is out.
    """

    assignment_id: Id
    item: ItemModel
    quantity: int
    custodian: CustodianModel
    since: datetime
    until: datetime | None
    outcome: str | None
    returned: int
    conditions: list[ConditionItem]
    gone: list[ConditionItem]


class WaitingModel(BaseModel):
    """Who has to act: this person, or whoever holds the permission (of this step)."""

    user: NamedModel | None
    permission: str | None
    step: str | None


class OpenRequisition(BaseModel):
    """A requisition that is not at an end, in its state since ``since``."""

    id: Id
    purpose: str
    state: RequisitionStateName
    since: datetime
    requester: NamedModel
    waiting_on: WaitingModel


class AskedItem(BaseModel):
    """Of one model or thing, what was asked for, and what became of it.

    ``fill_rate`` is issued over approved, null where nothing was approved.
    """

    item: LineItemModel
    requested: int
    approved: int
    issued: int
    closed_short: int
    fill_rate: float | None


class OutSection(BaseModel):
    """``total`` counts all; ``items`` are the first of them."""

    total: int
    items: list[OutItem]


class UsedSection(BaseModel):
    """``total`` counts all; ``items`` are the last handed over."""

    total: int
    items: list[UsedItem]


class OpenSection(BaseModel):
    """``total`` counts all; ``items`` are those that changed last."""

    total: int
    items: list[OpenRequisition]


class AskedSection(BaseModel):
    """``total`` counts all models and things; ``items`` are those most asked for."""

    total: int
    items: list[AskedItem]


class ProjectReport(BaseModel):
    """What a project has, had, waits for and got.

    A section shows at most ``limit`` rows. The period narrows what was used and what was asked
    for: ``from`` is included, ``until`` is not. What is out and what is open is as of now.
    """

    project: NamedModel
    equipment: OutSection
    used: UsedSection
    open_requisitions: OpenSection
    asked_for: AskedSection
