"""The bodies of requisition commands."""

from typing import Annotated, Any, cast

from pydantic import ConfigDict, Field

from command_api.fields import Begin, Body, End, IdText, Money, Text
from domain.fields import TEXT_LIMIT
from domain.requisitions.approval import LineApproval
from domain.requisitions.content import (
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


def _of_a_purchase(schema: dict[str, Any]) -> None:
    schema["required"] = ["kind", "description"]
    schema["properties"] |= {
        "kind": {"type": "string", "enum": ["purchase"]},
        "id": {"type": "null", "description": "Of the inventory; a purchase has none."},
        "description": {
            "type": "string",
            "minLength": 1,
            "maxLength": TEXT_LIMIT,
            "pattern": r"^[!-~]",
            "examples": ["Soldering station, 80 W"],
        },
    }


class ItemBody(Body):
    """What is asked for. A ``purchase`` is not in the inventory: it is described."""

    model_config = ConfigDict(json_schema_extra=_of_a_purchase)

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


class ReasonBody(Body):
    """Why."""

    reason: Text


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


class CloseShortBody(Body):
    """How many units are given up, and why."""

    quantity: Quantity
    reason: Text
