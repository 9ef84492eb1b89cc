"""The judge objects to every kind of falsehood, and to nothing else."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from demo.snipe_it_simulator.inventory import Author
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.simulator import Simulator
from demo.snipe_it_simulator.stored import Checkout
from domain.assignments.assignment import Assignment
from domain.assignments.rules import Asked
from domain.fields import time_text
from domain.ids import Id, id_of
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors.subscriptions import CUSTODY
from tests.builders import custody as build
from tests.builders import operations
from tests.builders import requisitions as asked_for
from tests.builders.log import MemoryLog
from tests.builders.people import NOW
from tests.histories.cast import custodian, item, ours
from tests.histories.ending import (
    disagreements,
    held_by_mistake,
    sent_more_than_once,
    too_many_units,
    unfinished,
    units_astray,
)
from tests.histories.judge import Judge
from tests.histories.truth import Truth, watched
from tests.snipe_it_recordings import SEED

BEN: Final = custodian("user", 3)
CHI: Final = custodian("user", 4)
DRILL: Final = item("asset", 1)
CABLES: Final = item("accessory", 1)
DUE: Final = NOW + timedelta(days=7)


@dataclass
class Stage:
    """The recorded inventory, watched, and a judge of what is said about it."""

    simulator: Simulator = field(default_factory=lambda: Simulator(read_dump(SEED)))
    log: MemoryLog = field(default_factory=MemoryLog)
    now: float = -3600.0
    truth: Truth = field(init=False)
    judge: Judge = field(init=False)

    def time(self) -> float:
        return self.now

    def give(self, user: int, asset: int = 1) -> None:
        """Let somebody truly have an asset."""
        self.simulator.inventory.assets[asset].assign("user", user)

    def hand_out_units(self, operation_id: Id, *numbers: int, user: int = 3) -> None:
        """Let somebody truly have units of cables, under an operation's name."""
        for number in numbers:
            unit = Checkout(number, 1, "user", user, f"op-{operation_id}", 1, NOW)
            self.simulator.inventory.accessory_checkouts[number] = unit

    def hears(self, *told: Any) -> None:
        """Let the judge hear what aggregates have to tell."""
        for one in told:
            self.judge.hear(self.log.append(one.collect_events()))


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage()
    with watched(made) as truth:
        made.truth = truth
        made.now = -60.0
        made.judge = Judge(truth, ours)
        yield made


def evidence(holder: tuple[str, int] | None = None, at: datetime = NOW, **more: Any) -> Any:
    return build.evidence(time_text(at), external_id=1, assigned_to=holder, **more)


def lent(holder: tuple[str, int] = ("user", 3), at: datetime = NOW, **more: Any) -> Assignment:
    """A drill that Ben is said to have."""
    assignment = build.reserved(item=DRILL, custodian=BEN, due=DUE, **more)
    assignment.issued(build.issuing(assignment), evidence(holder, at), NOW)
    return assignment


def given_back(assignment: Assignment, holder: tuple[str, int] | None = None) -> Assignment:
    assignment.returned(build.receiving(assignment), evidence(holder), NOW)
    return assignment


def units(quantity: int = 2, earlier: Sequence[str] = ()) -> tuple[Assignment, InventoryOperation]:
    """Cables that are being handed to Ben, and the operation that does so."""
    assignment = build.reserved("units", item=CABLES, custodian=BEN, quantity=quantity, due=DUE)
    operation = operations.requested(
        Kind.QUANTITY_CHECKOUT,
        id=build.issuing(assignment),
        subject_id=id_of(assignment.id),
        wanted={"quantity": quantity, "earlier": list(earlier)},
    )
    return assignment, operation


def test_what_is_true_is_not_objected_to(stage: Stage) -> None:
    stage.give(3)
    stage.hears(drill := lent())
    stage.simulator.inventory.assets[1].release()
    stage.hears(given_back(drill))


def test_an_asset_that_nobody_has_is_not_issued(stage: Stage) -> None:
    with pytest.raises(AssertionError, match="shown"):
        stage.hears(lent())


def test_an_asset_that_somebody_else_has_is_not_issued(stage: Stage) -> None:
    stage.give(4)
    with pytest.raises(AssertionError, match="issued, but"):
        stage.hears(lent(("user", 4)))


def test_what_somebody_had_once_is_not_issued(stage: Stage) -> None:
    stage.give(3)
    stage.now = 10
    stage.give(4)
    stage.now = 60
    with pytest.raises(AssertionError, match="shown"):
        stage.hears(lent(at=NOW + timedelta(seconds=30)))


def test_what_somebody_still_has_is_not_returned(stage: Stage) -> None:
    stage.give(3)
    with pytest.raises(AssertionError, match="shown"):
        stage.hears(given_back(lent()))


def test_a_return_is_not_told_with_evidence_of_a_holder(stage: Stage) -> None:
    stage.give(3)
    with pytest.raises(AssertionError, match="returned, but"):
        stage.hears(given_back(lent(), ("user", 3)))


def test_a_due_date_is_not_changed_without_evidence(stage: Stage) -> None:
    stage.give(3)
    drill = lent()
    drill.approve_extension(DUE + timedelta(days=1), None, Asked(build.MANAGER, NOW))
    with pytest.raises(AssertionError, match="without evidence"):
        stage.hears(drill)


def test_a_due_date_that_the_inventory_does_not_have_is_none(stage: Stage) -> None:
    stage.give(3)
    drill = lent()
    operation_id = drill.next_operation("set_due")
    drill.approve_extension(DUE + timedelta(days=1), operation_id, Asked(build.MANAGER, NOW))
    drill.due_changed(operation_id, evidence(("user", 3)), NOW)
    with pytest.raises(AssertionError, match="due"):
        stage.hears(drill)


def test_an_asset_has_one_custodian(stage: Stage) -> None:
    stage.give(3)
    with pytest.raises(AssertionError, match="several custodians"):
        stage.hears(lent(), lent(name="another"))


def test_units_are_out_under_the_name_of_their_operation(stage: Stage) -> None:
    assignment, operation = units()
    stage.hand_out_units(id_of(operation.id), 1, 2)
    assignment.issued(id_of(operation.id), evidence(rows=[1, 2]), NOW)
    stage.hears(operation, assignment)
    assert not units_astray(stage.judge, ours)


def test_units_that_went_out_under_an_earlier_operation_count(stage: Stage) -> None:
    assignment, operation = units(earlier=["earlier"])
    stage.hand_out_units("earlier", 1)
    stage.hand_out_units(id_of(operation.id), 2)
    assignment.issued(id_of(operation.id), evidence(rows=[1, 2]), NOW)
    stage.hears(operation, assignment)


@pytest.mark.parametrize(("numbers", "user"), [((1,), 3), ((1, 2), 4), ((1, 2, 3), 3)])
def test_fewer_or_more_units_or_those_of_others_are_not_issued(
    stage: Stage, numbers: tuple[int, ...], user: int
) -> None:
    assignment, operation = units()
    stage.hand_out_units(id_of(operation.id), *numbers, user=user)
    assignment.issued(id_of(operation.id), evidence(rows=[1, 2]), NOW)
    with pytest.raises(AssertionError, match="issued, but"):
        stage.hears(operation, assignment)


def test_units_that_are_out_are_not_returned(stage: Stage) -> None:
    assignment, operation = units()
    stage.hand_out_units(id_of(operation.id), 1, 2)
    assignment.issued(id_of(operation.id), evidence(rows=[1, 2]), NOW)
    stage.hears(operation, assignment)
    with pytest.raises(AssertionError, match="returned, but 2"):
        stage.hears(given_back(assignment))


@pytest.fixture
def issue(stage: Stage) -> tuple[Row, RecordedEvent]:
    """The row of the custody feed about a hand-over, and its event."""
    stage.give(3)
    *_, issued = stage.log.append(lent().collect_events())
    rows: Rows = {owned.name: [] for owned in CUSTODY.tables}
    for recorded in stage.log.events:
        rows = CUSTODY.fold(rows, recorded)
    (step,) = rows["circulation"]
    return step, issued


def test_the_feed_is_not_objected_to_where_it_is_true(
    stage: Stage, issue: tuple[Row, RecordedEvent]
) -> None:
    stage.judge.look_at_step(*issue)


@pytest.mark.parametrize(
    ("changes", "objection"),
    [
        ({"confirmed": False}, "issue of"),
        ({"attested": True}, "somebody.s word"),
        ({"type": "confirm"}, "confirm of"),
        ({"read_at": None}, "is not proved"),
        ({"operation_id": None}, "by any operation"),
        ({"custodian_after": {"kind": "user", "id": CHI.id}}, "told"),
        ({"type": "return", "custodian_after": None}, "told"),
        ({"type": "loss", "custodian_after": None}, "label"),
        ({"item_kind": "accessory"}, "0 are out"),
    ],
)
def test_the_feed_confirms_nothing_that_was_not_so(
    stage: Stage, issue: tuple[Row, RecordedEvent], changes: Row, objection: str
) -> None:
    step, recorded = issue
    with pytest.raises(AssertionError, match=objection):
        stage.judge.look_at_step({**step, **changes}, recorded)


def test_a_line_has_no_more_issued_than_was_confirmed(stage: Stage) -> None:
    line: Row = {"line_id": "line", "issued": 1}
    with pytest.raises(AssertionError, match="1 issued for line, 0 confirmed"):
        stage.judge.look_at_lines([line])


def test_a_line_that_stays_behind_is_seen(stage: Stage) -> None:
    stage.give(3)
    requisition = asked_for.approved_for_inventory()
    line_id = asked_for.LAPTOPS.line_id
    stage.hears(requisition, lent(line_id=line_id))
    assert stage.judge.lines_behind() == [f"{line_id}: 0 of 1"]


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({}, True),
        ({"drift": {}}, False),
        ({"pending": ["operation"]}, False),
        ({"state": "closed"}, False),
        ({"custodian_id": CHI.id}, False),
        ({"item_kind": "accessory"}, False),
    ],
)
def test_whom_we_name_and_the_inventory_does_not_is_seen(changes: Row, seen: bool) -> None:
    row: Row = {
        "id": "assignment",
        "state": "active",
        "item_kind": "asset",
        "custodian_id": BEN.id,
        "pending": [],
        "drift": None,
    }
    assert bool(disagreements([{**row, **changes}], ours, lambda _: ("user", 4))) == seen


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({}, False),
        ({"outstanding": 0}, True),
        ({"outstanding": 0, "pending": ["operation"]}, False),
        ({"outstanding": 0, "outcome": "lost"}, False),
        ({"custodian_id": CHI.id}, True),
        ({"item_id": CABLES.id}, True),
    ],
)
def test_what_somebody_has_for_no_reason_of_ours_is_seen(changes: Row, seen: bool) -> None:
    row: Row = {
        "item_id": DRILL.id,
        "custodian_id": BEN.id,
        "outstanding": 1,
        "pending": [],
        "outcome": None,
    }
    assert bool(held_by_mistake([{**row, **changes}], ours, {DRILL.id: ("user", 3)})) == seen


@pytest.mark.parametrize("state", ["issuing", "returning", "transferring"])
def test_what_is_on_its_way_for_ever_is_seen(state: str) -> None:
    row: Row = {"id": "assignment", "state": state, "pending": []}
    assert unfinished([row]) == [f"assignment {state}"]
    assert not unfinished([{**row, "pending": ["operation"]}])


def test_what_took_effect_twice_is_seen(stage: Stage) -> None:
    by = Author(1, "api")
    for _ in range(2):
        stage.simulator.inventory.log(by, "checkout", ("asset", 1), note="op-operation")
    assert sent_more_than_once(stage.simulator, {"operation": 1})
    assert not sent_more_than_once(stage.simulator, {"operation": 2, "another": 1})


def test_more_units_at_once_than_were_wanted_are_seen(stage: Stage) -> None:
    stage.hand_out_units("operation", 1, 2)
    assert too_many_units(stage.truth, {"operation": 1})
    assert not too_many_units(stage.truth, {"operation": 2})


def test_units_that_went_one_after_the_other_are_not_too_many(stage: Stage) -> None:
    stage.hand_out_units("operation", 1)
    stage.now = 1
    stage.simulator.inventory.accessory_checkouts.pop(1)
    stage.now = 2
    stage.hand_out_units("operation", 2)
    assert not too_many_units(stage.truth, {"operation": 1})


def test_units_that_are_astray_are_seen_unless_they_are_noted(stage: Stage) -> None:
    assignment, operation = units()
    stage.hand_out_units(id_of(operation.id), 1, 2)
    assignment.issued(id_of(operation.id), evidence(rows=[1, 2]), NOW)
    stage.hears(operation, assignment)
    stage.now = 10
    stage.simulator.inventory.accessory_checkouts.pop(1)
    assert units_astray(stage.judge, ours)
    assignment.detect_units_drift((1,), NOW, NOW)
    stage.hears(assignment)
    assert not units_astray(stage.judge, ours)
    stage.simulator.inventory.accessory_checkouts.pop(2)
    assert units_astray(stage.judge, ours)
