"""The bodies of requisition commands."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, cast

from pydantic import ConfigDict, Field

from command_api.assignment_bodies import CustodianBody
from command_api.fields import Begin, Body, End, IdText, Money, Text
from domain.assignments.content import ASSET
from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import TEXT_LIMIT
from domain.ids import ULID_FORM, Id
from domain.requisitions.approval import LineApproval
from domain.requisitions.commands import AllocateLine
from domain.requisitions.content import (
    INVENTORY_KINDS,
    LINE_LIMIT,
    QUANTITY_LIMIT,
    Header,
    HeaderChanges,
    Item,
    Line,
    LineChanges,
)
from infrastructure.ids import new_id

Quantity = Annotated[int, Field(ge=1, le=QUANTITY_LIMIT)]


_DESCRIPTION: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": TEXT_LIMIT,
    "pattern": r"^[!-~]",
    "examples": ["Soldering station, 80 W"],
}


def _of_an_item(schema: dict[str, Any]) -> None:
    del schema["properties"], schema["required"], schema["additionalProperties"]
    schema["anyOf"] = [
        {
            "type": "object",
            "title": "Purchase",
            "additionalProperties": False,
            "required": ["kind", "description"],
            "properties": {
                "kind": {"type": "string", "enum": ["purchase"]},
                "id": {"type": "null"},
                "description": _DESCRIPTION,
            },
        },
        {
            "type": "object",
            "title": "Of the inventory",
            "additionalProperties": False,
            "required": ["kind", "id"],
            "properties": {
                "kind": {"type": "string", "enum": sorted(INVENTORY_KINDS)},
                "id": {"type": "string", "pattern": ULID_FORM},
                "description": {"anyOf": [_DESCRIPTION, {"type": "null"}]},
            },
        },
    ]


class ItemBody(Body):
    """What is asked for: a ``purchase`` is described, anything else has an id of the inventory."""

    model_config = ConfigDict(json_schema_extra=_of_an_item)

    kind: str
    id: str | None = None
    description: str | None = None

    def item(self) -> Item:
        """As the domain knows it."""
        return Item(self.kind, self.id, self.description)


class LineBody(Body):
    """One thing asked for, ``quantity`` times."""

    item: ItemBody
    quantity: Quantity
    note: Text | None = None

    def line(self) -> Line:
        """As the domain knows it, under a new id."""
        return Line(new_id(), self.item.item(), self.quantity, self.note)


class LineChangesBody(Body):
    """The fields of a line to change; the others stay."""

    item: ItemBody = Field(default_factory=lambda: ItemBody(kind=""))
    quantity: Quantity = Field(default_factory=int)
    note: Text | None = None

    def changes(self) -> LineChanges:
        """The fields that the body names."""
        named: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        if "item" in named:
            named["item"] = self.item.item()
        return cast("LineChanges", named)


class HeaderBody(Body):
    """The header fields to change; the others stay, and null empties one."""

    purpose: Text = Field(default_factory=str)
    needed_from: Begin | None = None
    needed_until: End | None = None
    beneficiary_id: IdText | None = None
    amount: Money | None = None
    policy_id: IdText | None = None

    def changes(self) -> HeaderChanges:
        """The fields that the body names."""
        return cast("HeaderChanges", {name: getattr(self, name) for name in self.model_fields_set})


class DraftBody(Body):
    """A requisition to be."""

    project_id: IdText
    purpose: Text
    needed_from: Begin | None = None
    needed_until: End | None = None
    beneficiary_id: IdText | None = None
    amount: Money | None = None
    policy_id: IdText | None = None
    lines: list[LineBody] = Field(default_factory=list, max_length=LINE_LIMIT)

    def header(self) -> Header:
        """Its header."""
        return Header(
            self.purpose,
            self.needed_from,
            self.needed_until,
            self.beneficiary_id,
            self.amount,
            self.policy_id,
        )


class WithdrawBody(Body):
    """Why, if there is something to say."""

    reason: Text | None = None


class LineApprovalBody(Body):
    """How many units of a line are granted."""

    line_id: IdText
    approved: int = Field(ge=0, le=QUANTITY_LIMIT)


class ApproveBody(Body):
    """A line that is not named stays as the step before left it."""

    note: Text | None = None
    lines: list[LineApprovalBody] = Field(default_factory=list, max_length=LINE_LIMIT)

    def approvals(self) -> tuple[LineApproval, ...]:
        """As the domain knows them."""
        return tuple(LineApproval(line.line_id, line.approved) for line in self.lines)


class DelegateBody(Body):
    """To whom, and until when; for good without ``until``."""

    to_user_id: IdText
    until: End | None = None


class FulfilBody(Body):
    """How many units were handed over."""

    quantity: Quantity
    note: Text | None = None


class AllocateBody(Body):
    """What is kept for a line: an asset by ``asset_id``, or units of another kind by ``item_id``.

    It is kept for ``custodian``, or else for the beneficiary, or else for the requester; without
    ``begins`` and ``due`` for when the requisition needs it.
    """

    asset_id: IdText | None = None
    item_kind: Literal["asset", "accessory", "consumable"] | None = None
    item_id: IdText | None = None
    quantity: Quantity = 1
    substitution_reason: Text | None = None
    begins: Begin | None = None
    due: End | None = None
    custodian: CustodianBody | None = None

    def item(self) -> tuple[str, Id]:
        """Kind and id of what is kept. Raises ``InvalidField`` where the body names none, or two."""
        if self.asset_id is not None:
            if self.item_id is not None or self.item_kind not in (None, ASSET):
                raise InvalidField(("asset_id",), "Name an asset or another item, not both.")
            return ASSET, self.asset_id
        if self.item_id is None:
            raise InvalidField(("asset_id",), "Name an asset with asset_id, or another item.")
        if self.item_kind is None:
            raise InvalidField(("item_kind",), "This is asset, accessory or consumable.")
        return self.item_kind, self.item_id

    def command(
        self, id: Id, line_id: Id, assignment_id: Id, by: Caller, at: datetime, version: int | None
    ) -> AllocateLine:
        """The command. Raises ``InvalidField``."""
        item_kind, item_id = self.item()
        return AllocateLine(
            requisition_id=id,
            line_id=line_id,
            assignment_id=assignment_id,
            item_kind=item_kind,
            item_id=item_id,
            quantity=self.quantity,
            substitution_reason=self.substitution_reason,
            begins=self.begins,
            due=self.due,
            custodian=None if self.custodian is None else (self.custodian.kind, self.custodian.id),
            by=by,
            at=at,
            expected_version=version,
        )


class DeallocateBody(Body):
    """Which assignment is given up, and why."""

    assignment_id: IdText
    reason: Text


class CloseShortBody(Body):
    """How many units are given up, and why."""

    quantity: Quantity
    reason: Text
