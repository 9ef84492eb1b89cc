"""Units that assignments keep for a line: kept, handed over on proof, released."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from domain.errors import RuleBroken
from domain.ids import Id
from domain.requisitions.availability import Availability
from domain.requisitions.content import Item
from domain.requisitions.errors import (
    AlreadyIssued,
    BeingIssued,
    LineNotFound,
    MoreThanOpen,
    NotAllocated,
    NotInInventory,
    SubstitutionNeedsReason,
)
from domain.requisitions.fulfilment import AllocatedItem
from domain.requisitions.quantities import Quantities, State
from domain.requisitions.requisition import EXPIRY_REASON, Requisition
from domain.requisitions.rules import Command
from tests.builders.people import APPROVER, NOW, TECHNICIAN
from tests.builders.requisitions import (
    AFTER,
    BATTERIES,
    CABLES,
    LAPTOPS,
    allocated,
    approved,
    approved_for_inventory,
    asked,
    asset,
    assignment,
    issued,
    issuing,
    line_id,
    names,
    operation,
    told,
)

OTHER_MODEL: Final = "0" * 26


def _units(requisition: Requisition, line: Id = LAPTOPS.line_id) -> Quantities:
    return requisition.quantities[line]


def _allocate(
    requisition: Requisition,
    number: int = 1,
    *,
    line: Id = LAPTOPS.line_id,
    item: AllocatedItem | None = None,
    quantity: int = 1,
    reason: str | None = None,
) -> None:
    requisition.allocate(
        line, assignment(number), item or asset(number), quantity, reason, asked(TECHNICIAN)
    )


def test_what_is_kept_for_a_line_is_no_longer_open() -> None:
    requisition = approved_for_inventory()

    _allocate(requisition, 1)
    _allocate(requisition, 2)

    assert _units(requisition) == Quantities(3, 3, allocated=2)
    assert requisition.state == State.FULFILLING
    assert requisition.held == (assignment(1), assignment(2))


def test_units_of_a_consumable_are_kept_together() -> None:
    requisition = approved_for_inventory()
    item = AllocatedItem("consumable", BATTERIES.item.id or "")

    _allocate(requisition, line=BATTERIES.line_id, item=item, quantity=15)

    assert _units(requisition, BATTERIES.line_id).open == 5


def test_no_more_is_kept_than_is_open() -> None:
    requisition = allocated(laptops=3)
    told(requisition)

    with pytest.raises(MoreThanOpen):
        _allocate(requisition, 4)

    assert told(requisition) == []


@pytest.mark.parametrize(
    "item",
    [
        asset(1, OTHER_MODEL),
        asset(1, None),
        AllocatedItem("accessory", LAPTOPS.item.id or ""),
        AllocatedItem("consumable", BATTERIES.item.id or ""),
    ],
    ids=["another model", "no model", "another kind", "another thing"],
)
def test_something_else_than_was_asked_for_is_kept_only_with_a_reason(item: AllocatedItem) -> None:
    requisition = approved_for_inventory()
    with pytest.raises(SubstitutionNeedsReason):
        _allocate(requisition, item=item)

    _allocate(requisition, item=item, reason="None of them left")

    (event,) = [e for e in told(requisition) if isinstance(e, Requisition.LineAllocated)]
    assert event.substitution_reason == "None of them left"
    assert event.item == item.data


def test_no_substitution_is_recorded_where_the_item_is_what_was_asked_for() -> None:
    requisition = approved_for_inventory()

    _allocate(requisition, reason="For whatever reason")

    (event,) = [e for e in told(requisition) if isinstance(e, Requisition.LineAllocated)]
    assert event.substitution_reason is None


def test_nothing_is_kept_for_a_purchase() -> None:
    with pytest.raises(NotInInventory):
        _allocate(approved(), line=CABLES)


def test_nothing_is_kept_for_a_line_that_is_not_there() -> None:
    with pytest.raises(LineNotFound):
        _allocate(approved_for_inventory(), line=line_id("nowhere"))


def test_what_is_released_is_open_again_and_the_last_of_it_leaves_the_state_approved() -> None:
    requisition = allocated(laptops=2)

    requisition.deallocate(assignment(1), "Broken", asked(TECHNICIAN))
    assert (_units(requisition).open, requisition.state) == (2, State.FULFILLING)

    requisition.line_released(assignment(2), "Nobody came", None, NOW)
    assert (_units(requisition).open, requisition.state) == (3, State.APPROVED)
    assert requisition.held == ()


def test_only_what_is_kept_is_released() -> None:
    requisition = allocated()
    with pytest.raises(NotAllocated):
        requisition.deallocate(assignment(2), "Broken", asked(TECHNICIAN))
    with pytest.raises(BeingIssued):
        issuing(laptops=2).deallocate(assignment(1), "Broken", asked(TECHNICIAN))
    with pytest.raises(NotAllocated):
        issued(laptops=2).deallocate(assignment(1), "Broken", asked(TECHNICIAN))


def test_what_is_being_handed_over_is_not_issued_yet() -> None:
    requisition = issuing()
    assert _units(requisition) == Quantities(3, 3, issuing=1)
    assert requisition.state == State.FULFILLING
    assert requisition.held == ()


def test_what_the_inventory_has_confirmed_is_issued() -> None:
    requisition = issued()
    assert _units(requisition) == Quantities(3, 3, issued=1)


def test_a_requisition_is_fulfilled_when_the_last_unit_is_confirmed() -> None:
    requisition = approved_for_inventory(replace(LAPTOPS, quantity=1))
    _allocate(requisition)
    requisition.line_issuing(assignment(1), operation(1), TECHNICIAN.user_id, NOW)
    before = requisition.state

    requisition.line_issued(assignment(1), operation(1), NOW)

    assert (before, requisition.state) == (State.FULFILLING, State.FULFILLED)


def test_what_the_inventory_refused_is_kept_as_before() -> None:
    requisition = issuing()

    requisition.line_issue_failed(assignment(1), operation(1), "not_available", NOW)

    assert _units(requisition) == Quantities(3, 3, allocated=1)
    assert requisition.held == (assignment(1),)


def test_what_is_gone_from_the_inventory_is_no_longer_kept() -> None:
    requisition = issuing()

    requisition.line_issue_failed(assignment(1), operation(1), "not_available", NOW, gone=True)

    assert names(requisition)[-2:] == ["LineIssueFailed", "LineDeallocated"]
    assert _units(requisition) == Quantities(3, 3)
    assert requisition.state == State.APPROVED


@pytest.mark.parametrize(
    "verb",
    [
        lambda r: r.line_issued(assignment(1), operation(1), NOW),
        lambda r: r.line_issue_failed(assignment(1), operation(1), "no", NOW),
        lambda r: r.line_issuing(assignment(7), operation(1), TECHNICIAN.user_id, NOW),
    ],
)
def test_what_was_not_handed_over_is_neither_issued_nor_refused(
    verb: Callable[[Requisition], None],
) -> None:
    requisition = allocated()
    told(requisition)
    with pytest.raises(NotAllocated):
        verb(requisition)
    assert told(requisition) == []


def test_a_cancelled_requisition_keeps_nothing() -> None:
    requisition = allocated(laptops=2)
    told(requisition)

    requisition.cancel("Over", asked(TECHNICIAN))

    assert names(requisition) == ["LineDeallocated", "LineDeallocated", "Cancelled"]
    assert _units(requisition) == Quantities(3, 3)
    assert requisition.state == State.CANCELLED


def test_an_expired_requisition_keeps_nothing() -> None:
    requisition = allocated()
    told(requisition)

    requisition.expire(AFTER)

    assert names(requisition) == ["LineDeallocated", "Expired"]
    assert (requisition.state, requisition.held) == (State.EXPIRED, ())


def test_what_is_kept_is_given_up_with_the_rest_when_its_time_has_passed() -> None:
    requisition = issued(laptops=2)
    told(requisition)

    requisition.expire(AFTER)

    assert names(requisition) == ["LineDeallocated", "LineClosedShort", "LineClosedShort"]
    assert _units(requisition) == Quantities(3, 3, issued=1, closed_short=2)
    assert requisition.state == State.FULFILLED


def test_the_system_says_why_it_released_what_was_kept() -> None:
    requisition = allocated()
    requisition.expire(AFTER)
    (event,) = [e for e in told(requisition) if isinstance(e, Requisition.LineDeallocated)]
    assert (event.reason, event.by) == (EXPIRY_REASON, None)


@pytest.mark.parametrize(
    ("requisition", "refusal"),
    [(issuing(laptops=2), BeingIssued), (issued(laptops=2), AlreadyIssued)],
)
def test_what_is_on_its_way_or_out_is_not_cancelled(
    requisition: Requisition, refusal: type[RuleBroken]
) -> None:
    told(requisition)
    with pytest.raises(refusal):
        requisition.cancel("Over", asked(TECHNICIAN))
    assert told(requisition) == []


def test_units_of_a_line_are_not_given_up_while_others_are_on_their_way() -> None:
    with pytest.raises(BeingIssued):
        issuing().close_short(LAPTOPS.line_id, 1, "Gone", asked(TECHNICIAN))


def test_what_is_kept_is_not_given_up_but_released_first() -> None:
    with pytest.raises(MoreThanOpen):
        allocated(laptops=3).close_short(LAPTOPS.line_id, 1, "Gone", asked(TECHNICIAN))


def test_what_is_kept_for_it_stands_in_the_way_of_changes() -> None:
    requisition = allocated()
    with pytest.raises(RuleBroken):
        requisition.request_changes("Hm", asked(APPROVER))
    with pytest.raises(RuleBroken):
        requisition.reject("Hm", asked(APPROVER))


def test_a_decision_says_what_the_inventory_had() -> None:
    requisition = approved_for_inventory()
    told(requisition)

    requisition.note_availability(
        Command.APPROVE, Availability(known=True, remaining={LAPTOPS.line_id: 4}, as_of=NOW), NOW
    )

    (event,) = told(requisition)
    assert isinstance(event, Requisition.AvailabilityNoted)
    assert (event.decision, event.inventory) == ("approve", "known")
    assert event.lines == [{"line_id": LAPTOPS.line_id, "remaining": 4}]
    assert event.as_of == "2026-11-21T09:00:00Z"


def test_the_kind_of_a_line_counts_as_well_as_its_id() -> None:
    requisition = approved_for_inventory(replace(LAPTOPS, item=Item("accessory", LAPTOPS.item.id)))
    with pytest.raises(SubstitutionNeedsReason):
        _allocate(requisition)
