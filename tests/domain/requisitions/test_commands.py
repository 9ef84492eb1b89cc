"""A command with a field that no requisition could accept cannot be made."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

import pytest

from domain.errors import InvalidField
from domain.fields import AMOUNT_LIMIT, TEXT_LIMIT, Path
from domain.requisitions import commands
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
from tests.builders.people import NOW, PROJECT, REQUESTER
from tests.builders.requisitions import CABLES, header, line

ID: Final = new_id()
GOOD: Final = line("good")


def _draft(of: Header, *lines: Line) -> commands.DraftRequisition:
    return commands.DraftRequisition(
        requisition_id=ID, project_id=PROJECT, header=of, lines=lines, by=REQUESTER, at=NOW
    )


def _edit(changes: HeaderChanges) -> commands.EditRequisition:
    return commands.EditRequisition(requisition_id=ID, changes=changes, by=REQUESTER, at=NOW)


def _change_line(changes: LineChanges) -> commands.ChangeLine:
    return commands.ChangeLine(
        requisition_id=ID, line_id=CABLES, changes=changes, by=REQUESTER, at=NOW
    )


def _add(of: Line) -> commands.AddLine:
    return commands.AddLine(requisition_id=ID, line=of, by=REQUESTER, at=NOW)


def _approve(*approvals: LineApproval, note: str | None = None) -> commands.ApproveStep:
    return commands.ApproveStep(
        requisition_id=ID, approvals=approvals, note=note, by=REQUESTER, at=NOW
    )


def _fulfil(quantity: int, note: str | None = None) -> commands.FulfilLine:
    return commands.FulfilLine(
        requisition_id=ID, line_id=CABLES, quantity=quantity, note=note, by=REQUESTER, at=NOW
    )


def _close_short(quantity: int, reason: str) -> commands.CloseLineShort:
    return commands.CloseLineShort(
        requisition_id=ID, line_id=CABLES, quantity=quantity, reason=reason, by=REQUESTER, at=NOW
    )


def _reasoned(kind: type, reason: str | None) -> object:
    return kind(requisition_id=ID, reason=reason, by=REQUESTER, at=NOW)


_IN_KIND: Final = ("lines", 0, "item", "kind")
_IN_ID: Final = ("lines", 0, "item", "id")
_IN_DESCRIPTION: Final = ("item", "description")
EARLIER: Final = NOW - timedelta(days=1)
LONG: Final = "x" * (TEXT_LIMIT + 1)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: _draft(header(purpose="")), ("purpose",)),
        (lambda: _draft(header(purpose=" \n")), ("purpose",)),
        (lambda: _draft(header(purpose=LONG)), ("purpose",)),
        (lambda: _draft(header(purpose="nul \x00")), ("purpose",)),
        (lambda: _draft(header(purpose="half \ud800")), ("purpose",)),
        (lambda: _draft(header(needed_from=NOW, needed_until=EARLIER)), ("needed_until",)),
        (lambda: _draft(header(amount=Decimal("-0.01"))), ("amount",)),
        (lambda: _draft(header(amount=Decimal("0.001"))), ("amount",)),
        (lambda: _draft(header(amount=Decimal("NaN"))), ("amount",)),
        (lambda: _draft(header(amount=Decimal("Infinity"))), ("amount",)),
        (lambda: _draft(header(amount=AMOUNT_LIMIT + 1)), ("amount",)),
        (lambda: _draft(header(), replace(GOOD, quantity=0)), ("lines", 0, "quantity")),
        (lambda: _draft(header(), GOOD, replace(GOOD, note="")), ("lines", 1, "note")),
        (lambda: _draft(header(), *[GOOD] * (LINE_LIMIT + 1)), ("lines",)),
        (lambda: _draft(header(), replace(GOOD, item=Item("model", id="7"))), _IN_ID),
        (lambda: _draft(header(), replace(GOOD, item=Item("accessory"))), _IN_ID),
        (lambda: _add(replace(GOOD, item=Item("model", new_id(), ""))), _IN_DESCRIPTION),
        (lambda: _draft(header(), replace(GOOD, item=Item("spaceship"))), _IN_KIND),
        (lambda: _edit({"purpose": ""}), ("purpose",)),
        (lambda: _edit({"needed_from": NOW, "needed_until": EARLIER}), ("needed_until",)),
        (lambda: _edit({"amount": Decimal(-1)}), ("amount",)),
        (lambda: _add(replace(GOOD, quantity=-1)), ("quantity",)),
        (lambda: _add(replace(GOOD, quantity=QUANTITY_LIMIT + 1)), ("quantity",)),
        (lambda: _add(replace(GOOD, item=Item("purchase"))), ("item", "description")),
        (lambda: _add(replace(GOOD, item=Item("purchase", description=""))), _IN_DESCRIPTION),
        (lambda: _add(replace(GOOD, item=Item("purchase", "7", "x"))), ("item", "id")),
        (lambda: _change_line({"quantity": 0}), ("quantity",)),
        (lambda: _change_line({"note": LONG}), ("note",)),
        (lambda: _change_line({"item": Item("kit", id="7")}), ("item", "kind")),
        (lambda: _approve(LineApproval(CABLES, -1)), ("lines", 0, "approved")),
        (lambda: _approve(*[LineApproval(CABLES, 1)] * 2), ("lines", 1, "line_id")),
        (lambda: _approve(note=" "), ("note",)),
        (lambda: _fulfil(0), ("quantity",)),
        (lambda: _fulfil(1, note=LONG), ("note",)),
        (lambda: _close_short(0, "Gone"), ("quantity",)),
        (lambda: _close_short(1, ""), ("reason",)),
        (lambda: _reasoned(commands.RequestChanges, " "), ("reason",)),
        (lambda: _reasoned(commands.RejectRequisition, ""), ("reason",)),
        (lambda: _reasoned(commands.CancelRequisition, LONG), ("reason",)),
        (lambda: _reasoned(commands.WithdrawRequisition, ""), ("reason",)),
    ],
)
def test_a_wrong_field_is_refused_with_its_path(make: Callable[[], object], path: Path) -> None:
    with pytest.raises(InvalidField) as refused:
        make()
    assert refused.value.path == path
    assert refused.value.detail


@pytest.mark.parametrize("kind", ["model", "accessory", "consumable"])
def test_what_the_inventory_has_is_asked_for_by_its_id(kind: str) -> None:
    assert _add(replace(GOOD, item=Item(kind, new_id())))


def test_a_kit_cannot_be_asked_for_yet() -> None:
    with pytest.raises(InvalidField) as refused:
        _add(replace(GOOD, item=Item("kit", new_id())))
    assert refused.value.code == "kind_not_available"


@pytest.mark.parametrize(
    "make",
    [
        lambda: _draft(Header(purpose="x")),
        lambda: _draft(header(needed_from=NOW, needed_until=NOW), GOOD),
        lambda: _draft(header(amount=AMOUNT_LIMIT)),
        lambda: _draft(header(amount=Decimal(0))),
        lambda: _edit({}),
        lambda: _edit({"needed_until": EARLIER}),
        lambda: _change_line({}),
        lambda: _change_line({"note": None}),
        lambda: _approve(LineApproval(CABLES, 0)),
        lambda: _reasoned(commands.WithdrawRequisition, None),
    ],
)
def test_fields_at_the_edge_of_what_is_allowed_are_accepted(make: Callable[[], object]) -> None:
    assert make()
