"""Whatever happened to an assignment, a book or an operation, their rows say what they say."""

import random
from collections import Counter
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from eventsourcing.domain import Aggregate
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assignments import book_events
from domain.assignments import events as assignment_events
from domain.assignments.assignment import Assignment
from domain.assignments.content import Condition, Received, Units
from domain.assignments.content import State as AssignmentState
from domain.assignments.item_book import ItemBook
from domain.assignments.rules import Asked
from domain.ids import id_of
from domain.inventory_operations import events as operation_events
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import derived_id
from infrastructure.projection_rows import Row, Rows
from projectors.subscriptions import CUSTODY
from query_api.assignments.transitions import view_of
from tests.builders import custody as build
from tests.builders.log import MemoryLog
from tests.builders.operations import LATER, in_flight
from tests.builders.people import NOW
from tests.fixtures.exploring import examples

EMPTY: Final[Rows] = {owned.name: [] for owned in CUSTODY.tables}
STEPS: Final = 40
CHANCE: Final = st.integers(min_value=0, max_value=2**32).map(random.Random)
OVER: Final = (AssignmentState.CLOSED, AssignmentState.CANCELLED)
NOT_HAD: Final = (AssignmentState.RESERVED, AssignmentState.CANCELLED)
ANSWER: Final = (
    *("accepted_at", "accepted_by", "witness_id", "terms"),
    *("declined_at", "decline_reason"),
)


def rows_of(events: Sequence[RecordedEvent]) -> Rows:
    rows = EMPTY
    for event in events:
        rows = CUSTODY.fold(rows, event)
    return rows


def rows_after(aggregate: Aggregate) -> Rows:
    return rows_of(MemoryLog().append(list(aggregate.pending_events)))


def test_every_event_of_the_aggregates_followed_has_a_fold() -> None:
    modules = (assignment_events, book_events, operation_events)
    stored = {
        event
        for module in modules
        for event in vars(module).values()
        if isinstance(event, type) and "TOPIC" in vars(event)
    }
    never_triggered = {
        assignment_events.Created,
        book_events.Created,
        operation_events.Created,
    }

    assert stored - never_triggered == set(CUSTODY.folds)


@given(chance=CHANCE)
@settings(max_examples=examples(150))
def test_the_row_of_an_assignment_says_what_the_assignment_says(chance: random.Random) -> None:
    story = build.AnyAssignment(chance)
    for _ in range(STEPS):
        story.step()

        rows = rows_after(story.assignment)
        assert_same_assignment(rows["assignments"][0], story.assignment)
    if story.successor is not None:
        assert_same_assignment(rows_after(story.successor)["assignments"][0], story.successor)


@given(chance=CHANCE)
@settings(max_examples=examples(150))
def test_the_rows_of_a_book_are_its_holds(chance: random.Random) -> None:
    story = build.AnyBook(chance)
    for _ in range(STEPS):
        story.step()

    rows = rows_after(story.book)
    (book,) = rows["item_books"]
    assert (book["item_kind"], book["item_id"]) == (story.book.item.kind, story.book.item.id)
    assert book["version"] == story.book.version
    assert {hold["assignment_id"]: hold_in(hold) for hold in rows["item_holds"]} == {
        id: (hold.quantity, hold.begins, hold.until, hold.out, hold.leaving)
        for id, hold in story.book.holds.items()
    }
    assert all(hold["item_id"] == book["item_id"] for hold in rows["item_holds"])


@given(chance=CHANCE)
@settings(max_examples=examples(150))
def test_the_row_of_an_operation_says_what_the_operation_says(chance: random.Random) -> None:
    story = build.AnyOperation(chance)
    for _ in range(STEPS):
        story.step()

        (row,) = rows_after(story.operation)["inventory_operations"]
        assert_same_operation(row, story.operation)


@given(chance=CHANCE)
@settings(max_examples=examples(150))
def test_issued_and_returned_are_told_only_with_evidence(chance: random.Random) -> None:
    story = build.AnyAssignment(chance)
    for _ in range(STEPS):
        story.step()

    rows = rows_after(story.assignment)
    (row,) = rows["assignments"]
    happened = [type(event) for event in story.assignment.pending_events]
    claims = (assignment_events.Issued, assignment_events.Returned)
    issued, returned = (claim in happened for claim in claims)
    assert (row["issued_at"] is not None) == issued
    assert (row["returned_at"] is not None) == returned
    assert row["outstanding"] == 0 or issued
    units = units_by_event(story.assignment)
    assert row["returned"] == units[assignment_events.Returned]
    if issued and row["outcome"] not in ("lost", "stolen", "transferred"):
        written_off = units[assignment_events.WrittenOff]
        assert row["returned"] + written_off + row["outstanding"] == row["quantity"]
    for step in rows["circulation"]:
        claimed = step["type"] in ("issue", "return", "move", "loss")
        assert (step["confirmed"] or step["attested"]) == claimed
        assert not (step["confirmed"] and step["attested"])
        assert (step["read_at"] is not None) == step["confirmed"]


@given(chance=CHANCE)
@settings(max_examples=examples(100))
def test_the_feed_tells_who_has_it_without_a_break(chance: random.Random) -> None:
    story = build.AnyAssignment(chance)
    for _ in range(STEPS):
        story.step()

    custodian = {"kind": "user", "id": build.BEN.id}
    on_record = None
    for step in rows_after(story.assignment)["circulation"]:
        if step["type"] == "issue":
            assert (step["custodian_before"], step["custodian_after"]) == (None, custodian)
            on_record = custodian
        elif step["type"] == "move":
            assert step["custodian_before"] == custodian
            assert step["custodian_after"] == {"kind": "location", "id": build.ROOM.id}
        elif step["confirmed"] or step["attested"]:
            assert (step["custodian_before"], step["custodian_after"]) == (custodian, None)
        else:
            assert step["custodian_before"] == step["custodian_after"] == on_record


def test_what_a_manager_vouched_for_is_not_told_as_the_inventorys_word() -> None:
    assignment = build.issued(build.reserved(), attested_by=build.MANAGER.user_id)
    assignment.returned(build.receiving(assignment), build.evidence(), NOW)

    issue, _, returned = rows_after(assignment)["circulation"]

    assert (issue["type"], issue["confirmed"], issue["attested"]) == ("issue", False, True)
    assert issue["read_at"] is None
    assert issue["operation_id"] is not None
    assert issue["custodian_after"] == {"kind": "user", "id": build.BEN.id}
    assert (returned["type"], returned["confirmed"]) == ("return", True)
    assert (returned["attested"], returned["read_at"] is None) == (False, False)


def test_nobody_is_on_record_for_what_was_never_handed_over() -> None:
    assignment = build.reserved()
    operation_id, asked = build.issuing(assignment), Asked(build.CUSTODIAN, NOW)
    assignment.accept("the terms", asked, witnessed=False)
    assignment.decline("It is broken", asked)
    assignment.report_loss("lost", "gone", asked)
    assignment.issue_failed(operation_id, "not_available", gone=False, at=NOW)

    steps = rows_after(assignment)["circulation"]

    assert [step["type"] for step in steps] == ["confirm", "decline", "loss_report"]
    for step in steps:
        assert (step["custodian_before"], step["custodian_after"]) == (None, None)


def test_folding_leaves_the_rows_it_was_given_as_they_were() -> None:
    assignment = build.issued(build.reserved())
    build.receiving(assignment)
    log = MemoryLog()
    log.append(list(assignment.pending_events))
    before = rows_of(log.events[:-1])
    copy = {name: [dict(row) for row in rows] for name, rows in before.items()}

    CUSTODY.fold(before, log.events[-1])

    assert {name: list(rows) for name, rows in before.items()} == copy


def test_a_handover_that_is_not_confirmed_is_not_issued() -> None:
    assignment = build.reserved()
    operation_id = build.issuing(assignment)

    (row,) = rows_after(assignment)["assignments"]
    assert (row["state"], row["issued_at"], row["outstanding"]) == ("issuing", None, 0)
    assert row["operation_id"] == operation_id
    assert rows_after(assignment)["circulation"] == []


def test_a_return_at_the_desk_is_received_and_not_returned() -> None:
    assignment = build.issued(build.reserved())
    build.receiving(assignment)

    rows = rows_after(assignment)

    (row,) = rows["assignments"]
    assert (row["state"], row["returned_at"], row["outstanding"]) == ("returning", None, 1)
    assert [step["type"] for step in rows["circulation"]] == ["issue", "receive"]


def test_what_was_said_of_a_handover_goes_with_it() -> None:
    assignment = build.reserved()
    custodian, witness = Asked(build.CUSTODIAN, NOW), Asked(build.MANAGER, NOW)
    for said in ("accepted_at", "declined_at"):
        operation_id = build.issuing(assignment)
        if said == "accepted_at":
            assignment.accept("the terms", witness, witnessed=True)
        else:
            assignment.decline("It is broken", custodian)
        (row,) = rows_after(assignment)["assignments"]
        assert row[said] is not None

        assignment.issue_failed(operation_id, "not_available", gone=False, at=NOW)
        (row,) = rows_after(assignment)["assignments"]
        assert {column: row[column] for column in ANSWER} == dict.fromkeys(ANSWER)
        assert assignment.standing.answer is None


def test_what_is_handed_on_is_what_had_not_come_back() -> None:
    assignment = build.issued(build.reserved(item=build.CABLES, quantity=3), rows=[7, 8, 9])
    assignment.returned(build.receiving(assignment), build.evidence(), NOW)
    check_in, asked = assignment.next_operation("qty_checkin"), Asked(build.MANAGER, NOW)
    assignment.transfer(check_in, build.ROOM, derived_id("test", "successor"), asked)
    check_out = assignment.next_operation("qty_checkout")
    assignment.transfer_checked_in(check_in, check_out, build.evidence(), NOW)
    assignment.transfer_completed(check_out, build.evidence(rows=[10, 11]), NOW)

    steps = rows_after(assignment)["circulation"]

    moved = [(step["type"], step["quantity"]) for step in steps if step["confirmed"]]
    assert moved == [("issue", 3), ("return", 1), ("move", 2)]


def test_returned_is_every_unit_that_came_back_and_no_other() -> None:
    """Once, what was missing was confirmed together with what was there."""
    assignment = build.issued(build.reserved(item=build.CABLES, quantity=4), rows=[6, 7, 8, 9])
    assignment.returned(build.receiving(assignment), build.evidence(), NOW)
    operation_id = assignment.next_operation("qty_checkin")
    units = (Units(1, Condition.DAMAGED), Units(2, Condition.MISSING))
    assignment.receive(operation_id, Received(units), Asked(build.MANAGER, NOW))
    assignment.returned(operation_id, build.evidence(), NOW)

    (row,) = rows_after(assignment)["assignments"]
    assert (row["returned"], row["outstanding"]) == (2, 0)


def test_a_refused_return_goes_on_being_named_while_another_is_under_way() -> None:
    assignment = build.issued(build.reserved(item=build.CABLES, quantity=5), rows=[3, 4, 5, 6, 7])
    first, second = build.receiving(assignment), build.receiving(assignment)
    assignment.return_failed(second, "not_found", NOW)

    (row,) = rows_after(assignment)["assignments"]
    assert [waits["operation_id"] for waits in row["pending"]] == [first]
    assert (row["operation_id"], row["reason"]) == (second, "not_found")


def test_only_what_the_last_attempt_made_is_shown_as_made() -> None:
    operation = in_flight()
    operation.accept(99, NOW)
    operation.not_applied(LATER, LATER)
    operation.start_attempt(2, LATER)
    operation.accept(None, LATER)

    (row,) = rows_after(operation)["inventory_operations"]
    assert_same_operation(row, operation)


def units_by_event(assignment: Assignment) -> Counter[type]:
    units: Counter[type] = Counter()
    for event in assignment.pending_events:
        if isinstance(event, assignment_events.Returned | assignment_events.WrittenOff):
            units[type(event)] += event.quantity
    return units


def assert_same_assignment(row: Row, assignment: Assignment) -> None:
    now = assignment.standing
    assert row["state"] == assignment.state.value
    assert row["version"] == assignment.version
    view, seen = assignment.view(), view_of(SimpleNamespace(**row))
    if assignment.state not in OVER:
        assert seen == view
    assert seen.gone == view.gone
    assert [waits["operation_id"] for waits in row["pending"]] == list(now.pending)
    assert (row["due"], row["overdue"], row["outcome"]) == (now.due, now.overdue, now.outcome)
    assert not (row["overdue"] and assignment.state in OVER)
    if row["issued_at"] is not None and assignment.state is not AssignmentState.CLOSED:
        assert row["outstanding"] == now.outstanding
    assert (row["accepted_at"] is not None) == (now.answer == "accepted")
    assert (row["declined_at"] is not None) == (now.answer == "declined")
    assert now.answer is None or assignment.state not in NOT_HAD
    if now.pending and row["reason"] is None and assignment.state not in OVER:
        assert row["operation_id"] in now.pending


def assert_same_operation(row: Row, operation: InventoryOperation) -> None:
    working = (State.PENDING, State.IN_FLIGHT, State.VERIFYING)
    shown = "pending" if operation.state in working else operation.state.value
    assert (row["state"], row["version"]) == (shown, operation.version)
    assert (row["step"] is None) == (operation.state not in working)
    if operation.state in (State.IN_FLIGHT, State.VERIFYING):
        assert row["step"] == operation.state.value
    assert row["attempts"] == operation.attempts
    assert row["given_up"] == operation.given_up
    assert row["resolving"] == operation.resolving
    assert (row["late_effect"] is not None) == operation.late
    assert row["compensated_by"] == operation.compensated_by
    assert row["created_external_id"] == operation.created_external_id
    assert (row["item_external_id"], row["target"]) == (
        operation.item["external_id"],
        operation.target,
    )
    if operation.state in (State.FAILED, State.NEEDS_ATTENTION):
        assert row["last_error"] == operation.reason
    assert row["id"] == id_of(operation.id)


def hold_in(row: Row) -> tuple[Any, ...]:
    return row["quantity"], row["begins"], row["until"], row["out"], row["leaving"]


def test_a_book_that_is_empty_again_keeps_nothing() -> None:
    story = build.AnyBook(random.Random(1))
    while not story.book.holds:
        story.step()
    for assignment_id in list(story.book.holds):
        story.book.release(assignment_id, story.at)

    assert rows_after(story.book)["item_holds"] == []
    assert isinstance(story.book, ItemBook)
