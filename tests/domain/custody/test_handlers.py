"""Commands of the desk: what each stores, and what each refuses."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from domain.assignments import commands
from domain.assignments import handlers as alone
from domain.assignments.content import Condition, Custodian, Item, State, Units
from domain.custody import handlers
from domain.custody.drift import detect_units_drift
from domain.custody.errors import EvidenceUnfit
from domain.errors import (
    Forbidden,
    InvalidField,
    InventoryUnavailable,
    Refused,
    RuleBroken,
    VersionMismatch,
)
from domain.ids import Id, id_of
from domain.inventory.changes import OperationSettled, OperationWaiting
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.kinds import State as OperationState
from domain.ports import InventoryStanding
from infrastructure.ids import derived_id
from tests.builders.assignments import (
    BEN,
    CABLES,
    CHI,
    CUSTODIAN,
    DRILL,
    DUE,
    MANAGER,
    SCREWS,
    WORKSHOP,
)
from tests.builders.desk import Desk, fitting
from tests.builders.operations import evidence as operation_evidence
from tests.builders.people import NOW, OTHER_MEMBER, PROJECT, TECHNICIAN

WEEK: Final = timedelta(days=7)
DAMAGED: Final = Units(1, Condition.DAMAGED, "The chuck is loose.")


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def refusal(desk: Desk, asked: Awaitable[object]) -> Refused:
    """What a command is refused with: nothing of it is stored."""
    before = desk.count(), len(desk.store.rows)
    with pytest.raises(Refused) as refused:
        await asked
    assert (desk.count(), len(desk.store.rows)) == before
    return refused.value


# Reserving


async def test_a_reservation_stands_in_the_items_book(desk: Desk) -> None:
    id = await desk.reserve()
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.verified) == (State.RESERVED, True)
    assert set((await desk.book()).holds) == {id}


async def test_a_reservation_made_while_the_inventory_is_down_is_not_verified(desk: Desk) -> None:
    desk.goes_down()
    assert not (await desk.assignment(await desk.reserve())).verified


async def test_how_much_there_is_need_not_be_known(desk: Desk) -> None:
    desk.facts.has_item("accessory", CABLES.id, 30, remaining=None)
    assert not (await desk.assignment(await desk.reserve(CABLES, quantity=900))).verified


async def test_an_item_is_kept_for_one_at_a_time(desk: Desk) -> None:
    await desk.reserve()
    assert (await refusal(desk, desk.reserve(custodian=CHI))).code == "item_held"


async def test_no_more_units_are_kept_than_there_are(desk: Desk) -> None:
    await desk.reserve(CABLES, quantity=4)
    assert (await refusal(desk, desk.reserve(CABLES, quantity=2))).code == "not_enough_units"


@pytest.mark.parametrize(("item", "most"), [(CABLES, 5), (SCREWS, 100)])
async def test_units_still_being_handed_over_when_they_are_due_are_kept_for_nobody_else(
    desk: Desk, item: Item, most: int
) -> None:
    late = await desk.reserve(item, quantity=most - 1, issue=True)
    desk.at = DUE + timedelta(hours=3)
    later = DUE + timedelta(days=5)
    again = desk.reserve(item, CHI, quantity=most - 1, due=later)
    assert (await refusal(desk, again)).code == "not_enough_units"

    await desk.refuse(await desk.open_operation(late))
    await desk.reserve(item, CHI, quantity=most - 1, due=later)


async def test_what_the_mirror_says_is_left_refuses_no_hand_over(desk: Desk) -> None:
    reserved = await desk.reserve(CABLES, quantity=4)
    desk.facts.has_item("accessory", CABLES.id, 30, remaining=0)
    await desk.issue(reserved)
    assert (await desk.assignment(reserved)).state is State.ISSUING
    at_once = await desk.reserve(CABLES, CHI, quantity=2, issue=True)
    assert (await desk.assignment(at_once)).state is State.ISSUING
    assert (await refusal(desk, desk.reserve(CABLES, CHI))).code == "not_enough_units"


@pytest.mark.parametrize(
    ("item", "custodian", "path"),
    [
        (Item("asset", derived_id("test", "unknown")), BEN, ("item", "id")),
        (Item("accessory", DRILL.id), BEN, ("item", "id")),
        (DRILL, Custodian("user", derived_id("test", "unknown")), ("custodian", "id")),
        (DRILL, Custodian("location", BEN.id), ("custodian", "id")),
    ],
)
async def test_an_unknown_item_or_custodian_is_named(
    desk: Desk, item: Item, custodian: Custodian, path: tuple[str, ...]
) -> None:
    refused = await refusal(desk, desk.reserve(item, custodian))
    assert isinstance(refused, InvalidField)
    assert refused.path == path


async def test_a_consumable_is_given_to_nobody_but_a_member(desk: Desk) -> None:
    refused = await refusal(desk, desk.reserve(SCREWS, WORKSHOP, quantity=3))
    assert isinstance(refused, InvalidField)
    assert refused.path == ("custodian", "kind")
    assert (await desk.assignment(await desk.reserve(CABLES, WORKSHOP))).custodian == WORKSHOP


async def test_a_custodian_must_be_known_to_the_inventory(desk: Desk) -> None:
    desk.facts.has_custodian("user", BEN.id, None)
    assert (await refusal(desk, desk.reserve())).code == "custodian_not_mapped"


async def test_a_project_must_be_known(desk: Desk) -> None:
    refused = await refusal(desk, desk.reserve(project_id=PROJECT))
    assert isinstance(refused, InvalidField)
    assert refused.path == ("project_id",)


async def test_only_those_who_issue_reserve(desk: Desk) -> None:
    assert isinstance(await refusal(desk, desk.reserve(by=CUSTODIAN)), Forbidden)


# Handing over


async def test_a_hand_over_is_asked_of_the_inventory_in_the_same_transaction(desk: Desk) -> None:
    id = await desk.reserve()
    await desk.issue(id)
    assignment = await desk.assignment(id)
    operation = await desk.operation(await desk.open_operation(id))
    assert assignment.state is State.ISSUING
    assert (operation.kind, operation.purpose) == (Kind.CHECKOUT, "issue")
    assert operation.wanted == {"due": "2026-11-28"}
    assert operation.target == {"kind": "user", "id": BEN.id, "external_id": 3}
    assert desk.store.rows[-1] == OperationWaiting(
        assignment.tenant_id, id_of(operation.id), "asset:17", NOW
    )


async def test_a_hand_over_needs_no_reservation(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    assert desk.topics(id) == ["reserved", "issue_requested"]
    assert (await desk.book()).holds[id].out


async def test_units_are_handed_over_by_their_number(desk: Desk) -> None:
    id = await desk.reserve(CABLES, quantity=2, issue=True)
    operation = await desk.operation(await desk.open_operation(id))
    units = {"quantity": 2, "earlier": []}
    assert (operation.kind, operation.wanted) == (Kind.QUANTITY_CHECKOUT, units)


async def test_what_did_not_come_back_is_not_taken_back(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=5)
    rows = list((await desk.assignment(id)).standing.rows)
    await desk.receive(
        id,
        Units(1, Condition.MISSING),
        Units(1, Condition.OK),
        Units(1, Condition.DAMAGED),
        Units(2, Condition.CONSUMED),
    )
    told = await desk.assignment(id)
    assert (told.state, told.standing.unreturned) == (State.RETURNING, 0)
    asked = [await desk.operation(operation_id) for operation_id in told.standing.pending]
    assert [(operation.kind, operation.wanted) for operation in asked] == [
        (Kind.QUANTITY_CHECKIN, {"quantity": 2, "rows": rows[:2]}),
        (Kind.QUANTITY_WRITE_OFF, {"quantity": 1, "rows": rows[2:3]}),
        (Kind.QUANTITY_WRITE_OFF, {"quantity": 2, "rows": rows[3:]}),
    ]


async def test_no_more_is_gone_than_is_out(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    back, gone = Units(2, Condition.OK), Units(1, Condition.MISSING)
    assert (await refusal(desk, desk.receive(id, back, gone))).code == "more_than_outstanding"


async def test_nobody_is_handed_what_is_out(desk: Desk) -> None:
    await desk.reserve(issue=True)
    later = await desk.reserve(begins=DUE, due=DUE + WEEK)
    desk.at = DUE + timedelta(hours=1)
    assert (await refusal(desk, desk.issue(later))).code == "item_out"


async def test_without_the_inventory_nothing_is_handed_over(desk: Desk) -> None:
    id = await desk.reserve()
    desk.goes_down()
    refused = await refusal(desk, desk.issue(id))
    assert isinstance(refused, InventoryUnavailable)
    assert refused.retry_after_s == 45
    assert isinstance(await refusal(desk, desk.reserve(issue=True)), Refused)


async def test_who_may_hand_over_offline_does(desk: Desk) -> None:
    id = await desk.reserve()
    desk.goes_down()
    await desk.issue(id, by=MANAGER)
    assert (await desk.assignment(id)).state is State.ISSUING
    assert '"offline":true' in desk.store.streams[id][-1][1].decode()


async def test_without_a_connection_nothing_can_be_handed_over(desk: Desk) -> None:
    id = await desk.reserve()
    desk.facts.standing = InventoryStanding(connected=False, available=False)
    assert (await refusal(desk, desk.issue(id, by=MANAGER))).code == "inventory_not_connected"


async def test_an_item_that_is_no_longer_mapped_is_not_handed_over(desk: Desk) -> None:
    id = await desk.reserve()
    desk.facts.mappings.pop(DRILL.id)
    assert (await refusal(desk, desk.issue(id))).code == "item_not_mapped"


# Giving up


async def test_a_reservation_that_is_given_up_frees_the_item(desk: Desk) -> None:
    id = await desk.reserve()
    await desk.cancel(id)
    assert (await desk.assignment(id)).state is State.CANCELLED
    assert (await desk.book()).holds == {}
    await desk.reserve(custodian=CHI)


async def test_what_nobody_collects_lapses(desk: Desk) -> None:
    id = await desk.reserve()
    command = commands.LapseReservation(assignment_id=id, reason="Not collected", at=desk.at)
    await desk.give(handlers.lapse, command)
    assert (await desk.assignment(id)).state is State.CANCELLED
    assert (await desk.book()).holds == {}


async def test_who_reserved_ahead_is_told_to_collect_once(desk: Desk) -> None:
    id = await desk.reserve(begins=desk.at + timedelta(days=3))
    soon = await desk.reserve(CABLES, begins=desk.at + timedelta(days=1))

    async def tell(id: Id) -> None:
        command = commands.TellToCollect(assignment_id=id, at=desk.at)
        await desk.give(alone.tell_to_collect, command)

    assert (await refusal(desk, tell(id))).code == "not_due"
    desk.later(days=2)
    for told in (id, id, soon):
        await tell(told)
    assert desk.topics(id) == ["reserved", "collection_fell_due"]
    assert desk.topics(soon) == ["reserved"]
    await desk.issue(id)
    assert (await refusal(desk, tell(id))).code == "wrong_state"


async def test_a_hand_over_is_called_off_before_it_is_sent(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    operation_id = await desk.open_operation(id)
    await desk.cancel(id)
    assert desk.topics(id)[2:] == ["issue_failed", "cancelled"]
    assert (await desk.operation(operation_id)).state is OperationState.FAILED
    assert isinstance(desk.store.rows[-1], OperationSettled)
    assert (await desk.book()).holds == {}


async def test_a_hand_over_that_was_sent_is_not_called_off(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    await desk.send(await desk.open_operation(id))
    assert (await refusal(desk, desk.cancel(id))).code in ("already_sent", "wrong_state")


# Accepting and declining


async def accept(desk: Desk, id: str, by: object = CUSTODIAN, *, witnessed: bool = False) -> None:
    command = commands.AcceptAssignment(
        assignment_id=id,
        by=by,  # type: ignore[arg-type]  # a caller
        at=desk.at,
        witnessed=witnessed,
    )
    await desk.give(alone.accept, command)


async def test_a_custodian_accepts_once(desk: Desk) -> None:
    id = await desk.out()
    await accept(desk, id)
    await accept(desk, id)
    assert desk.topics(id).count("accepted") == 1


async def test_a_technician_accepts_for_others_only_as_their_witness(desk: Desk) -> None:
    id = await desk.out()
    assert (await refusal(desk, accept(desk, id, TECHNICIAN))).code == "not_custodian"
    await accept(desk, id, TECHNICIAN, witnessed=True)
    assert f'"witness":"{TECHNICIAN.user_id}"' in desk.store.streams[id][-1][1].decode()


async def test_a_custodian_who_declines_has_it_until_it_is_back(desk: Desk) -> None:
    id = await desk.out()
    command = commands.DeclineAssignment(
        assignment_id=id, reason="Broken", by=CUSTODIAN, at=desk.at
    )
    await desk.give(alone.decline, command)
    assert (await desk.assignment(id)).state is State.ACTIVE


# Keeping it longer


async def test_an_extension_counts_once_the_inventory_shows_it(desk: Desk) -> None:
    id = await desk.out()
    await desk.request_extension(id)
    await desk.approve_extension(id)
    assert (await desk.assignment(id)).standing.due == DUE
    operation_id = await desk.open_operation(id)
    operation = await desk.operation(operation_id)
    assert (operation.kind, operation.wanted) == (Kind.SET_DUE, {"due": "2026-12-05"})
    await desk.prove(operation_id)
    standing = (await desk.assignment(id)).standing
    assert (standing.due, standing.renewals, standing.extension) == (DUE + WEEK, 1, None)
    assert (await desk.book()).holds[id].until == DUE + WEEK


async def test_an_extension_that_the_inventory_refuses_frees_the_time_again(desk: Desk) -> None:
    id = await desk.out()
    await desk.approve_extension(id, DUE + WEEK)
    await desk.refuse(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.due == DUE
    assert (await desk.book()).holds[id].until == DUE


async def test_the_date_of_accessories_is_ours_alone(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    await desk.approve_extension(id, DUE + WEEK)
    standing = (await desk.assignment(id)).standing
    assert (standing.due, standing.pending) == (DUE + WEEK, {})


async def test_an_extension_gives_way_to_the_next_reservation(desk: Desk) -> None:
    id = await desk.out()
    await desk.reserve(custodian=CHI, begins=DUE, due=DUE + WEEK)
    assert (await refusal(desk, desk.request_extension(id))).code == "item_held"
    assert (await refusal(desk, desk.approve_extension(id, DUE + WEEK))).code == "item_held"


async def test_an_extension_is_asked_for_when_it_is_soon_due(desk: Desk) -> None:
    id = await desk.out(due=NOW + 5 * WEEK)
    asked = desk.request_extension(id, NOW + 6 * WEEK)
    assert (await refusal(desk, asked)).code == "too_early_to_renew"
    desk.at = NOW + 4 * WEEK
    await desk.request_extension(id, NOW + 6 * WEEK)


async def test_a_custodian_renews_a_limited_number_of_times(desk: Desk) -> None:
    id = await desk.out(CABLES)
    due = DUE
    for _ in range(2):
        due += timedelta(days=2)
        await desk.request_extension(id, due)
        await desk.approve_extension(id)
    asked = desk.request_extension(id, due + WEEK)
    assert (await refusal(desk, asked)).code == "too_many_renewals"


async def test_an_extension_ends_later(desk: Desk) -> None:
    id = await desk.out()
    assert (await refusal(desk, desk.request_extension(id, DUE))).code == "due_not_later"
    assert (await refusal(desk, desk.approve_extension(id, DUE))).code == "due_not_later"


async def test_what_was_lent_for_good_is_not_extended(desk: Desk) -> None:
    id = await desk.out(due=None)
    assert (await refusal(desk, desk.request_extension(id))).code == "no_due_date"


async def test_nothing_is_approved_that_nobody_asked_for(desk: Desk) -> None:
    id = await desk.out()
    refused = await refusal(desk, desk.approve_extension(id))
    assert refused.code == "no_extension_requested"


async def test_an_extension_is_refused_with_a_reason(desk: Desk) -> None:
    id = await desk.out()
    await desk.request_extension(id)
    command = commands.RefuseExtension(assignment_id=id, reason="Wanted", by=TECHNICIAN, at=desk.at)
    await desk.give(alone.refuse_extension, command)
    assert (await desk.assignment(id)).standing.extension is None


# Being late


async def test_what_is_late_is_overdue_once(desk: Desk) -> None:
    id = await desk.out()
    command = commands.MarkOverdue(assignment_id=id, at=DUE)
    assert (await refusal(desk, desk.give(alone.mark_overdue, command))).code == "not_due"
    late = replace(command, at=DUE + timedelta(seconds=1))
    await desk.give(alone.mark_overdue, late)
    await desk.give(alone.mark_overdue, late)
    assert desk.topics(id).count("became_overdue") == 1
    assert (await desk.assignment(id)).state is State.OVERDUE


async def test_an_extension_makes_it_in_time_again(desk: Desk) -> None:
    id = await desk.out()
    desk.at = DUE + timedelta(days=1)
    await desk.give(alone.mark_overdue, commands.MarkOverdue(assignment_id=id, at=desk.at))
    await desk.approve_extension(id, DUE + WEEK)
    assert (await desk.assignment(id)).state is State.OVERDUE
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.ACTIVE


async def test_a_reminder_falls_due_once_for_each_day(desk: Desk) -> None:
    id = await desk.out()
    early = commands.RemindOfDue(assignment_id=id, day=-1, at=DUE - timedelta(days=2))
    assert (await refusal(desk, desk.give(alone.remind, early))).code == "not_due"
    for day in (-1, -1, 0):
        at = DUE + timedelta(days=day)
        await desk.give(alone.remind, commands.RemindOfDue(assignment_id=id, day=day, at=at))
    assert desk.topics(id).count("reminder_fell_due") == 2


async def reminding(desk: Desk, id: Id, day: int) -> None:
    desk.at = DUE + timedelta(days=day)
    await desk.give(alone.remind, commands.RemindOfDue(assignment_id=id, day=day, at=desk.at))


async def test_no_reminder_falls_due_while_nobody_has_it_over_there(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, None)
    assert (await refusal(desk, reminding(desk, id, 0))).code == "held_by_nobody"
    await desk.give(alone.drift_vanished, commands.DriftVanished(assignment_id=id, at=desk.at))
    await reminding(desk, id, 1)
    assert desk.topics(id).count("reminder_fell_due") == 1


async def test_who_has_it_on_record_is_reminded_while_somebody_has_it(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, ("user", 4))
    await reminding(desk, id, 0)
    assert desk.topics(id).count("reminder_fell_due") == 1


async def test_reminders_fall_due_for_units_that_are_listed(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    rows = (await desk.assignment(id)).standing.rows
    await desk.drift_of_units(id, *rows[:2])
    await reminding(desk, id, 0)
    await desk.drift_of_units(id, *rows)
    assert (await refusal(desk, reminding(desk, id, 1))).code == "held_by_nobody"
    assert desk.topics(id).count("reminder_fell_due") == 1


# Taking back


async def test_a_return_is_taken_whether_the_inventory_is_there_or_not(desk: Desk) -> None:
    id = await desk.out()
    desk.goes_down()
    await desk.receive(id)
    assert (await desk.assignment(id)).state is State.RETURNING
    assert (await refusal(desk, desk.reserve(custodian=CHI))).code == "item_held"


@pytest.mark.parametrize(
    ("units", "label"),
    [
        (DAMAGED, 5),
        (Units(1, Condition.INCOMPLETE), 5),
        (Units(1, Condition.OK), None),
    ],
)
async def test_what_needs_repair_is_labelled_so(
    desk: Desk, units: Units, label: int | None
) -> None:
    id = await desk.out()
    await desk.receive(id, units)
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.wanted == {"status_id": label, "location_id": None}
    assert ("damage_recorded" in desk.topics(id)) is (label is not None)


async def test_without_a_repair_label_damage_is_still_recorded(desk: Desk) -> None:
    id = await desk.out()
    desk.facts.standing = InventoryStanding(connected=True, available=True)
    await desk.receive(id, DAMAGED)
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.wanted["status_id"] is None
    assert "damage_recorded" in desk.topics(id)


async def test_a_return_says_where_it_is(desk: Desk) -> None:
    id = await desk.out()
    await desk.receive(id, location_id=WORKSHOP.id)
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.wanted["location_id"] == 2


async def test_a_return_names_a_location_that_there_is(desk: Desk) -> None:
    id = await desk.out()
    refused = await refusal(desk, desk.receive(id, location_id=BEN.id))
    assert isinstance(refused, InvalidField)
    assert refused.path == ("location_id",)


async def test_what_comes_back_before_the_hand_over_is_settled_is_returned_after_it(
    desk: Desk,
) -> None:
    id = await desk.reserve(issue=True)
    hand_over = await desk.open_operation(id)
    desk.goes_down()
    await desk.receive(id, DAMAGED, note="Wet", location_id=WORKSHOP.id)
    assert (await desk.assignment(id)).state is State.ISSUING
    assert await desk.open_operation(id) == hand_over
    assert (await refusal(desk, desk.receive(id))).code == "more_than_outstanding"
    await desk.prove(hand_over)
    assignment = await desk.assignment(id)
    assert assignment.state is State.RETURNING
    assert desk.topics(id)[-3:] == ["issued", "return_received", "damage_recorded"]
    back = await desk.operation(await desk.open_operation(id))
    assert (back.kind, back.requested_by) == (Kind.CHECKIN, TECHNICIAN.user_id)
    assert back.wanted == {"status_id": 5, "location_id": 2}
    assert desk.store.rows[-1] == OperationWaiting(
        assignment.tenant_id, id_of(back.id), "asset:17", desk.at
    )
    await desk.prove(id_of(back.id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_units_come_back_in_parts_before_the_hand_over_is_settled(desk: Desk) -> None:
    id = await desk.reserve(CABLES, quantity=5, issue=True)
    hand_over = await desk.open_operation(id)
    await desk.receive(id, Units(2, Condition.OK))
    await desk.receive(id, Units(1, Condition.MISSING))
    assert (await refusal(desk, desk.receive(id, Units(3, Condition.OK)))).code == (
        "more_than_outstanding"
    )
    await desk.prove(hand_over)
    standing = (await desk.assignment(id)).standing
    assert sorted(pending.quantity for pending in standing.pending.values()) == [1, 2]
    assert standing.unreturned == 2
    assert len({row for pending in standing.pending.values() for row in pending.rows}) == 3


@pytest.mark.parametrize("called_off", [True, False])
async def test_what_was_never_handed_over_is_not_returned(desk: Desk, called_off: bool) -> None:
    id = await desk.reserve(issue=True)
    await desk.receive(id)
    if called_off:
        await desk.cancel(id)
    else:
        await desk.refuse(await desk.open_operation(id))
        assert (await desk.assignment(id)).state is State.RESERVED
        await desk.issue(id)
        await desk.prove(await desk.open_operation(id))
        assert (await desk.assignment(id)).state is State.ACTIVE
    assert "return_received" not in desk.topics(id)


async def test_a_consumable_does_not_come_back(desk: Desk) -> None:
    id = await desk.reserve(SCREWS, issue=True)
    assert (await refusal(desk, desk.receive(id))).code == "wrong_state"


async def test_a_loss_before_the_hand_over_is_settled_waits_for_it(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    desk.goes_down()
    await desk.report_loss(id)
    assert (await desk.assignment(id)).state is State.ISSUING
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.LOSS_PENDING


async def test_what_was_never_handed_over_is_not_lost(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    await desk.report_loss(id)
    await desk.refuse(await desk.open_operation(id))
    await desk.issue(id)
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.ACTIVE


async def test_what_turns_up_before_the_hand_over_is_settled_is_not_lost(desk: Desk) -> None:
    id = await desk.reserve(issue=True)
    await desk.report_loss(id)
    await desk.receive(id)
    assert (await refusal(desk, desk.report_loss(id))).code == "wrong_state"
    await desk.prove(await desk.open_operation(id))
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


def forget(desk: Desk, id: Id) -> None:
    """Let nothing in the inventory stand for this id any more."""
    desk.facts.mappings[id] = replace(desk.facts.mappings[id], external_id=None)


@pytest.mark.parametrize(
    ("forgotten", "reason"),
    [(DRILL.id, "item_not_mapped"), (BEN.id, "custodian_not_mapped")],
)
async def test_what_is_here_is_taken_back_though_nothing_stands_for_it_any_more(
    desk: Desk, forgotten: Id, reason: str
) -> None:
    id = await desk.out()
    forget(desk, forgotten)
    await desk.receive(id, DAMAGED)
    operation_id = await desk.open_operation(id)
    operation = await desk.operation(operation_id)
    assert (operation.state, operation.reason) == (OperationState.NEEDS_ATTENTION, reason)
    assert operation.attempts == 0
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.attention) == (State.RETURNING, reason)
    assert desk.store.rows[-1] == OperationSettled(assignment.tenant_id, operation_id)
    for settle in (desk.retry, desk.resolve):
        assert (await refusal(desk, settle(operation_id))).code == reason


@pytest.mark.parametrize("forgotten", [DRILL.id, BEN.id])
async def test_it_is_brought_into_the_inventory_once_it_is_mapped_again(
    desk: Desk, forgotten: Id
) -> None:
    id = await desk.out()
    known = desk.facts.mappings[forgotten]
    forget(desk, forgotten)
    await desk.receive(id)
    operation_id = await desk.open_operation(id)
    desk.facts.mappings[forgotten] = known
    await desk.retry(operation_id)
    operation = await desk.operation(operation_id)
    assert operation.item == {"kind": "asset", "id": DRILL.id, "external_id": 17}
    assert operation.target == {"kind": "user", "id": BEN.id, "external_id": 3}
    assert desk.store.rows[-1] == OperationWaiting(
        operation.tenant_id, operation_id, "asset:17", desk.at
    )
    await desk.prove(operation_id)
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_a_manager_vouches_for_what_nothing_stands_for(desk: Desk) -> None:
    id = await desk.out()
    forget(desk, DRILL.id)
    await desk.receive(id)
    await desk.attest(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_what_turns_up_is_taken_back_though_nothing_stands_for_it_any_more(
    desk: Desk,
) -> None:
    id = await gone(desk)
    forget(desk, BEN.id)
    await desk.recover(id)
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.reason == "custodian_not_mapped"


async def test_a_return_to_a_place_that_nothing_stands_for_is_taken_without_it(desk: Desk) -> None:
    id = await desk.out()
    desk.facts.has_custodian("location", WORKSHOP.id, None)
    await desk.receive(id, location_id=WORKSHOP.id)
    operation = await desk.operation(await desk.open_operation(id))
    assert (operation.state, operation.wanted["location_id"]) == (OperationState.PENDING, None)


async def test_what_nothing_stands_for_is_not_handed_on(desk: Desk) -> None:
    id = await desk.out()
    forget(desk, DRILL.id)
    assert (await refusal(desk, desk.transfer(id))).code == "item_not_mapped"


async def test_units_come_back_in_parts(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=5)
    rows = (await desk.assignment(id)).standing.rows
    await desk.receive(id, Units(2, Condition.OK))
    first = await desk.open_operation(id)
    await desk.receive(id, Units(1, Condition.INCOMPLETE), Units(1, Condition.OK))
    (second,) = set((await desk.assignment(id)).standing.pending) - {first}
    assert (await desk.operation(first)).wanted["rows"] == list(rows[:2])
    assert (await desk.operation(second)).wanted["rows"] == list(rows[2:4])
    more = desk.receive(id, Units(2, Condition.OK))
    assert (await refusal(desk, more)).code == "more_than_outstanding"
    await desk.prove(second)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.outstanding) == (State.RETURNING, 3)
    await desk.prove(first)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.outstanding) == (State.ACTIVE, 1)
    assert assignment.standing.rows == rows[4:]
    assert (await desk.book(CABLES)).holds[id].quantity == 1
    await desk.receive(id)
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"
    assert (await desk.book(CABLES)).holds == {}


@pytest.mark.parametrize("condition", [Condition.MISSING, Condition.CONSUMED])
async def test_an_asset_that_did_not_come_back_was_not_returned(
    desk: Desk, condition: Condition
) -> None:
    id = await desk.out()
    refused = await refusal(desk, desk.receive(id, Units(1, condition)))
    assert refused.code == "condition_unfit"


async def test_a_new_date_that_was_never_sent_is_called_off_by_the_return(desk: Desk) -> None:
    id = await desk.out()
    await desk.approve_extension(id, DUE + WEEK)
    due = await desk.open_operation(id)
    await desk.receive(id)
    assert (await desk.operation(due)).state is OperationState.FAILED
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.CLOSED


async def test_a_new_date_that_was_sent_may_be_refused_after_the_return(desk: Desk) -> None:
    id = await desk.out()
    await desk.approve_extension(id, DUE + WEEK)
    due = await desk.open_operation(id)
    operation = await desk.send(due)
    operation.not_applied(desk.at, desk.at)
    await desk.store.save(operation)
    await desk.receive(id)
    (back,) = set((await desk.assignment(id)).standing.pending) - {due}
    await desk.prove(back)
    await desk.refuse(due)
    assert (await desk.assignment(id)).standing.pending == {}
    assert (await desk.book()).holds == {}


# Losing


@pytest.mark.parametrize("kind", ["lost", "stolen"])
async def test_a_loss_is_confirmed_by_the_inventorys_label(desk: Desk, kind: str) -> None:
    id = await desk.out()
    desk.goes_down()
    await desk.report_loss(id, kind)
    assert (await desk.assignment(id)).state is State.LOSS_PENDING
    await desk.confirm_loss(id)
    operation_id = await desk.open_operation(id)
    operation = await desk.operation(operation_id)
    assert operation.wanted == {"status_id": {"lost": 8, "stolen": 9}[kind]}
    await desk.prove(operation_id)
    assert (await desk.assignment(id)).standing.outcome == kind


async def test_a_loss_needs_a_label_that_stands_for_it(desk: Desk) -> None:
    id = await desk.out()
    await desk.report_loss(id)
    desk.facts.standing = InventoryStanding(connected=True, available=True)
    assert (await refusal(desk, desk.confirm_loss(id))).code == "status_label_missing"


async def test_only_assets_are_lost(desk: Desk) -> None:
    id = await desk.out(CABLES)
    assert (await refusal(desk, desk.report_loss(id))).code == "asset_only"


async def test_what_turns_up_is_taken_back(desk: Desk) -> None:
    id = await desk.out()
    await desk.report_loss(id)
    await desk.recover(id)
    assert (await desk.assignment(id)).state is State.RETURNING
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def gone(desk: Desk, kind: str = "lost") -> Id:
    """An asset that the inventory lists as gone."""
    id = await desk.out()
    await desk.report_loss(id, kind)
    await desk.confirm_loss(id)
    await desk.prove(await desk.open_operation(id))
    return id


@pytest.mark.parametrize("kind", ["lost", "stolen"])
async def test_what_turns_up_after_its_loss_was_confirmed_is_lent_again(
    desk: Desk, kind: str
) -> None:
    id = await gone(desk, kind)
    desk.goes_down()
    await desk.recover(id)
    operation_id = await desk.open_operation(id)
    operation = await desk.operation(operation_id)
    assert (operation.kind, operation.purpose) == (Kind.CHECKIN, "recovery")
    assert operation.wanted == {"status_id": 2, "location_id": None}
    assert operation.target == {"kind": "user", "id": BEN.id, "external_id": 3}
    assert "asset_recovered" not in desk.topics(id)
    await desk.prove(operation_id)
    assert desk.topics(id)[-1] == "asset_recovered"
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.outcome) == (State.CLOSED, kind)
    assert (await desk.book()).holds == {}
    desk.facts.standing = Desk().facts.standing
    await desk.out(custodian=CHI)


async def test_what_turns_up_goes_to_nobody_before_the_inventory_has_it_back(desk: Desk) -> None:
    id = await gone(desk)
    reserved = await desk.reserve()
    await desk.recover(id)
    assert (await refusal(desk, desk.issue(reserved))).code == "item_out"
    await desk.prove(await desk.open_operation(id))
    await desk.issue(reserved)


async def test_what_somebody_has_since_is_not_recovered_from_whoever_had_it_before(
    desk: Desk,
) -> None:
    id = await gone(desk)
    await desk.out()
    assert (await refusal(desk, desk.recover(id))).code == "item_out"


async def test_a_recovery_that_comes_to_nothing_is_asked_for_again(desk: Desk) -> None:
    id = await gone(desk)
    await desk.recover(id)
    await desk.refuse(await desk.open_operation(id))
    assert (await desk.book()).holds == {}
    await desk.recover(id)
    assert (await refusal(desk, desk.recover(id))).code == "inventory_asked"


async def test_what_is_recovered_once_is_not_recovered_again(desk: Desk) -> None:
    id = await gone(desk)
    await desk.recover(id)
    await desk.prove(await desk.open_operation(id))
    assert (await refusal(desk, desk.recover(id))).code == "wrong_state"


async def test_a_recovery_needs_the_label_with_which_it_can_be_lent(desk: Desk) -> None:
    id = await gone(desk)
    desk.facts.standing = InventoryStanding(connected=True, available=True)
    assert (await refusal(desk, desk.recover(id))).code == "status_label_missing"


async def test_nothing_turns_up_while_the_inventory_is_told_that_it_is_gone(desk: Desk) -> None:
    id = await desk.out()
    await desk.report_loss(id)
    await desk.confirm_loss(id)
    assert (await refusal(desk, desk.recover(id))).code == "inventory_asked"


# Handing on


async def test_a_transfer_changes_nothing_until_both_halves_are_proven(desk: Desk) -> None:
    id = await desk.out()
    successor = await desk.transfer(id)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.custodian) == (State.TRANSFERRING, BEN)
    assert successor not in desk.store.streams


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (BEN, "same_custodian"),
        (Custodian("user", derived_id("test", "unknown")), "invalid_field"),
    ],
)
async def test_a_transfer_goes_to_somebody_else(desk: Desk, to: Custodian, code: str) -> None:
    id = await desk.out()
    assert (await refusal(desk, desk.transfer(id, to))).code == code


async def test_a_transfer_goes_to_somebody_whom_the_inventory_knows(desk: Desk) -> None:
    id = await desk.out()
    desk.facts.has_custodian("user", CHI.id, None)
    assert (await refusal(desk, desk.transfer(id))).code == "custodian_not_mapped"


# Drift


async def test_drift_is_noted_once_for_each_holder(desk: Desk) -> None:
    id = await desk.out()
    for actual in (None, None, ("user", 4), ("user", 4)):
        await desk.drift(id, actual)
    assert desk.topics(id).count("inventory_drift_detected") == 2
    assert (await desk.assignment(id)).state is State.ACTIVE


async def test_there_is_no_drift_while_the_inventory_is_being_asked(desk: Desk) -> None:
    id = await desk.out()
    await desk.receive(id)
    assert isinstance(await refusal(desk, desk.drift(id, None)), RuleBroken)
    other = await desk.out(CABLES)
    await desk.approve_extension(other, DUE + WEEK)


async def test_drift_that_vanishes_is_resolved(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, None)
    vanished = commands.DriftVanished(assignment_id=id, at=desk.at)
    await desk.give(alone.drift_vanished, vanished)
    await desk.give(alone.drift_vanished, vanished)
    assert (await desk.assignment(id)).standing.drift is None
    assert desk.topics(id).count("inventory_drift_resolved") == 1


async def test_drift_of_units_is_noted_once_and_is_about_the_rows_alone(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    first, _ = (await desk.assignment(id)).standing.rows
    for _ in range(2):
        await desk.drift_of_units(id, first)
    assert desk.topics(id).count("inventory_units_drift_detected") == 1
    assert (await refusal(desk, desk.resolve_drift(id, "relinked"))).code == "held_by_nobody"
    await desk.resolve_drift(id, "external_return")
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.kind is Kind.QUANTITY_CHECKIN
    assert operation.wanted == {"quantity": 1, "rows": [first]}
    await desk.prove(id_of(operation.id))
    now = await desk.assignment(id)
    assert (now.state, now.standing.outstanding, now.standing.drift) == (State.ACTIVE, 1, None)
    assert (await desk.book(CABLES)).holds[id].quantity == 1


async def test_what_comes_back_while_it_is_reasserted_is_returned_after_that(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    await desk.drift_of_units(id, *(await desk.assignment(id)).standing.rows)
    await desk.resolve_drift(id, "reasserted")
    reassertion = await desk.open_operation(id)
    await desk.receive(id)
    assert desk.topics(id)[-1] == "return_noted"
    assert (await desk.assignment(id)).state is State.RETURNING
    assert isinstance(await refusal(desk, desk.receive(id)), RuleBroken)
    await desk.prove(reassertion)
    rows = (await desk.assignment(id)).standing.rows
    operation = await desk.operation(await desk.open_operation(id))
    assert operation.wanted == {"quantity": 2, "rows": list(rows)}
    await desk.prove(id_of(operation.id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_what_comes_back_while_a_reassertion_is_refused_is_returned_all_the_same(
    desk: Desk,
) -> None:
    id = await desk.out()
    await desk.drift(id, None)
    await desk.resolve_drift(id, "reasserted")
    reassertion = await desk.open_operation(id)
    await desk.report_loss(id)
    await desk.receive(id)
    now = await desk.assignment(id)
    assert (now.state, now.standing.loss) == (State.RETURNING, None)
    assert (await refusal(desk, desk.report_loss(id))).code == "wrong_state"
    await desk.refuse(reassertion)
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_units_that_are_gone_are_not_those_that_came_back_over_there(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    first, second, third = (await desk.assignment(id)).standing.rows
    await desk.drift_of_units(id, first)
    await desk.receive(id, Units(1, Condition.OK), Units(2, Condition.MISSING))
    wanted = [
        (await desk.operation(one)).wanted["rows"]
        for one in (await desk.assignment(id)).standing.pending
    ]
    assert wanted == [[first], [second, third]]


async def test_a_return_of_some_leaves_what_else_is_noted(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    _, second, third = (await desk.assignment(id)).standing.rows
    await desk.drift_of_units(id, second, third)
    await desk.receive(id, Units(1, Condition.OK))
    await desk.prove(await desk.open_operation(id))
    now = await desk.assignment(id)
    assert (now.standing.outstanding, now.standing.unlisted) == (2, (third,))
    assert desk.topics(id).count("inventory_units_drift_detected") == 1


@pytest.mark.parametrize("handed_on", [True, False])
async def test_a_transfer_ends_the_drift_of_what_it_moves(desk: Desk, handed_on: bool) -> None:
    id = await desk.out(CABLES, quantity=2)
    await desk.drift_of_units(id, (await desk.assignment(id)).standing.rows[0])
    await desk.transfer(id)
    await desk.prove(await desk.open_operation(id))
    if not handed_on:
        await desk.refuse(await desk.open_operation(id))
    await desk.prove(await desk.open_operation(id))
    assert desk.topics(id).count("inventory_drift_resolved") == 1
    assert (await desk.assignment(id)).standing.drift is None


async def test_the_rows_of_a_transfer_that_could_not_be_undone_are_replaced(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    await desk.transfer(id)
    await desk.prove(await desk.open_operation(id))
    await desk.refuse(await desk.open_operation(id))
    back = await desk.open_operation(id)
    await desk.refuse(back, evidence=operation_evidence(None))
    before = (await desk.assignment(id)).standing
    assert before.drift is not None
    await desk.resolve_drift(id, "reasserted")
    again = await desk.open_operation(id)
    await desk.prove(again)
    rows = (await desk.assignment(id)).standing.rows
    assert rows == tuple(fitting(await desk.operation(again))["rows"])
    assert not set(rows) & set(before.rows)


async def test_what_was_read_of_units_before_an_assignment_moved_on_says_nothing(
    desk: Desk,
) -> None:
    id = await desk.out(CABLES, quantity=2)
    read_at = await desk.assignment(id)
    await desk.receive(id, Units(1, Condition.OK))
    command = commands.DetectUnitsDrift(
        assignment_id=id,
        version=read_at.version,
        unlisted=read_at.standing.rows,
        read_at=desk.at,
        at=desk.at,
    )
    refused = await refusal(desk, desk.give(detect_units_drift, command))
    assert isinstance(refused, VersionMismatch)


@pytest.mark.parametrize("how", ["external_return", "reasserted"])
async def test_what_somebody_else_has_stays_with_them(desk: Desk, how: str) -> None:
    id = await desk.out()
    await desk.drift(id, ("user", 4))
    refused = await refusal(desk, desk.resolve_drift(id, how))
    assert refused.code == "held_by_another"


async def test_what_somebody_else_has_is_not_lost(desk: Desk) -> None:
    id = await desk.out()
    await desk.report_loss(id)
    await desk.drift(id, ("user", 4))
    assert (await refusal(desk, desk.confirm_loss(id))).code == "not_lost"
    await desk.drift(id, None)
    await desk.confirm_loss(id)
    operation_id = await desk.open_operation(id)
    shown = fitting(await desk.operation(operation_id))
    elsewhere = EvidenceData(**{**shown, "assigned_to": ("user", 4)})
    with pytest.raises(EvidenceUnfit):
        await desk.prove(operation_id, elsewhere)


async def test_whom_the_inventory_shows_has_it_under_a_successor(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, ("user", 4))
    await desk.resolve_drift(id, "relinked")
    operation = await desk.operation(await desk.open_operation(id))
    assert (operation.kind, operation.purpose) == (Kind.CHECKOUT, "relink")
    assert operation.target == {"kind": "user", "id": CHI.id, "external_id": 4}
    assert (await desk.assignment(id)).state is State.TRANSFERRING
    assert (await refusal(desk, desk.receive(id))).code == "handed_on"
    await desk.prove(id_of(operation.id))
    before = await desk.assignment(id)
    assert (before.standing.outcome, before.standing.drift) == ("transferred", None)
    (successor_id,) = (await desk.book()).holds
    successor = await desk.assignment(successor_id)
    assert (successor.state, successor.custodian, successor.transferred_from) == (
        State.ACTIVE,
        CHI,
        id,
    )
    assert successor.standing.due == before.standing.due
    assert desk.topics(id)[-3:] == ["relinked", "inventory_drift_resolved", "closed"]


@pytest.mark.parametrize(
    ("actual", "code"),
    [
        (None, "held_by_nobody"),
        (("user", 99), "holder_unknown"),
        (("asset", 17), "holder_unknown"),
    ],
)
async def test_it_is_relinked_only_to_somebody_of_ours(
    desk: Desk, actual: tuple[str, int] | None, code: str
) -> None:
    id = await desk.out()
    await desk.drift(id, actual)
    assert (await refusal(desk, desk.resolve_drift(id, "relinked"))).code == code


async def test_whom_a_new_mapping_shows_to_be_the_custodian_has_it_already(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, ("user", 99))
    desk.facts.has_custodian("user", BEN.id, 99)
    assert (await refusal(desk, desk.resolve_drift(id, "relinked"))).code == "same_custodian"


async def test_who_left_the_tenant_is_no_custodian_to_relink_to(desk: Desk) -> None:
    id = await desk.out()
    await desk.drift(id, ("user", 4))
    del desk.facts.custodians["user", CHI.id]
    assert (await refusal(desk, desk.resolve_drift(id, "relinked"))).code == "holder_unknown"


@pytest.mark.parametrize(
    ("how", "kind", "state"),
    [
        ("external_return", Kind.CHECKIN, State.CLOSED),
        ("reasserted", Kind.CHECKOUT, State.ACTIVE),
    ],
)
async def test_drift_is_resolved_on_proof(desk: Desk, how: str, kind: Kind, state: State) -> None:
    id = await desk.out()
    await desk.drift(id, None)
    await desk.resolve_drift(id, how)
    operation_id = await desk.open_operation(id)
    assert (await desk.operation(operation_id)).kind is kind
    assert "inventory_drift_resolved" not in desk.topics(id)
    await desk.prove(operation_id)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.drift) == (state, None)
    assert "inventory_drift_resolved" in desk.topics(id)


# Rights, and versions


@pytest.mark.parametrize(
    "ask",
    [
        lambda desk, it: desk.issue(it, OTHER_MEMBER),
        lambda desk, it: desk.cancel(it, OTHER_MEMBER),
        lambda desk, it: desk.request_extension(it, by=OTHER_MEMBER),
        lambda desk, it: desk.approve_extension(it, by=CUSTODIAN),
        lambda desk, it: desk.receive(it, by=CUSTODIAN),
        lambda desk, it: desk.report_loss(it, by=OTHER_MEMBER),
        lambda desk, it: desk.confirm_loss(it, TECHNICIAN),
        lambda desk, it: desk.recover(it, CUSTODIAN),
        lambda desk, it: desk.transfer(it, by=CUSTODIAN),
        lambda desk, it: desk.resolve_drift(it, "reasserted", TECHNICIAN),
    ],
)
async def test_who_may_not_is_told_so_first(
    desk: Desk, ask: Callable[[Desk, str], Awaitable[object]]
) -> None:
    id = await desk.reserve()
    assert isinstance(await refusal(desk, ask(desk, id)), Forbidden)


async def test_a_consumable_is_used_up_by_its_hand_over(desk: Desk) -> None:
    id = await desk.out(SCREWS, quantity=20, due=None)
    assert (await desk.assignment(id)).standing.outcome == "consumed"
    assert (await desk.book(SCREWS)).holds == {}
