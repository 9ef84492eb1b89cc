"""What the inventory's answers mean to everybody concerned."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest

from domain.assignments.content import Condition, State, Units
from domain.assignments.errors import InventoryAsked
from domain.assignments.item_book import ItemBook
from domain.assignments.standing import Drift
from domain.custody import commands, outcomes
from domain.custody.errors import EvidenceUnfit
from domain.errors import Forbidden, Refused
from domain.ids import Id, id_of
from domain.inventory.changes import OperationSettled, OperationWaiting
from domain.inventory_operations.errors import HandedOutSince
from domain.inventory_operations.events import EvidenceData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.problems import Blocked, Conflict, Exhausted, Problem
from tests.builders import operations
from tests.builders.assignments import BEN, CABLES, CHI, CUSTODIAN, DUE, MANAGER, SCREWS
from tests.builders.desk import Desk, fitting
from tests.builders.memory import StreamMoved
from tests.builders.people import TECHNICIAN

OTHER: Final = ("user", 4)
NOBODY: Final = operations.evidence(None)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def asked(desk: Desk) -> tuple[Id, Id]:
    """An assignment that is being handed over, and its operation."""
    id = await desk.reserve(issue=True)
    return id, await desk.open_operation(id)


# Proof


async def test_issued_stands_where_synced_does(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    assert "issued" not in desk.topics(id)
    await desk.prove(operation_id)
    assert desk.topics(id)[-1] == "issued"
    assert desk.topics(operation_id)[-1] == "synced"
    assert isinstance(desk.store.rows[-1], OperationSettled)
    assert (await desk.assignment(id)).state is State.ACTIVE


def changed(**fields: Any) -> Callable[[EvidenceData], EvidenceData]:
    return lambda shown: EvidenceData(**{**shown, **fields})  # type: ignore[typeddict-item]  # known


async def out_and_extended(desk: Desk) -> Id:
    id = await desk.out()
    await desk.approve_extension(id, DUE + timedelta(days=7))
    return await desk.open_operation(id)


async def out_and_back(desk: Desk) -> Id:
    id = await desk.out()
    await desk.receive(id)
    return await desk.open_operation(id)


async def out_and_broken(desk: Desk) -> Id:
    id = await desk.out()
    await desk.receive(id, Units(1, Condition.DAMAGED))
    return await desk.open_operation(id)


async def out_and_lost(desk: Desk) -> Id:
    id = await desk.out()
    await desk.report_loss(id)
    await desk.confirm_loss(id)
    return await desk.open_operation(id)


async def cables_asked(desk: Desk) -> Id:
    return await desk.open_operation(await desk.reserve(CABLES, quantity=3, issue=True))


async def cables_back(desk: Desk) -> Id:
    id = await desk.out(CABLES, quantity=3)
    await desk.receive(id, Units(2, Condition.OK))
    return await desk.open_operation(id)


async def screws_asked(desk: Desk) -> Id:
    return await desk.open_operation(await desk.reserve(SCREWS, quantity=9, issue=True))


async def drill_asked(desk: Desk) -> Id:
    return (await asked(desk))[1]


@pytest.mark.parametrize(
    ("arrange", "change"),
    [
        (drill_asked, changed(assigned_to=None)),
        (drill_asked, changed(assigned_to=OTHER)),
        (drill_asked, changed(assigned_to=("location", 3))),
        (drill_asked, changed(external_id=18)),
        (drill_asked, changed(expected_checkin=None)),
        (drill_asked, changed(expected_checkin="2026-11-29")),
        (out_and_broken, changed(status_id=2)),
        (out_and_extended, changed(expected_checkin="2026-11-28")),
        (out_and_extended, changed(assigned_to=OTHER)),
        (out_and_back, changed(assigned_to=("user", 3))),
        (out_and_back, changed(assigned_to=OTHER)),
        (out_and_lost, changed(status_id=None)),
        (out_and_lost, changed(status_id=2)),
        (cables_asked, changed(rows=[1, 2])),
        (cables_asked, changed(assigned_to=OTHER)),
        (cables_asked, changed(assigned_to=None)),
        (cables_back, lambda shown: {**shown, "rows": [1]}),
        (screws_asked, changed(activity_id=None)),
        (screws_asked, changed(assigned_to=("location", 3))),
        (screws_asked, changed(assigned_to=None)),
    ],
)
async def test_evidence_that_does_not_fit_claims_nothing(
    desk: Desk,
    arrange: Callable[[Desk], Awaitable[Id]],
    change: Callable[[EvidenceData], EvidenceData],
) -> None:
    operation_id = await arrange(desk)
    operation = await desk.send(operation_id)
    shown = change(fitting(operation))
    if operation.kind is Kind.QUANTITY_CHECKIN:
        shown["rows"] = operation.wanted["rows"][:1]
    command = commands.ProveOperation(
        operation_id=operation_id, fence=operation.fence, evidence=shown, at=desk.at
    )
    before = desk.count()
    with pytest.raises(EvidenceUnfit):
        await desk.give(outcomes.prove, command)
    assert desk.count() == before


@pytest.mark.parametrize(
    "arrange",
    [
        drill_asked,
        out_and_extended,
        out_and_back,
        out_and_lost,
        cables_asked,
        cables_back,
        screws_asked,
    ],
)
async def test_evidence_that_fits_is_kept_with_the_claim(
    desk: Desk, arrange: Callable[[Desk], Awaitable[Id]]
) -> None:
    operation_id = await arrange(desk)
    await desk.prove(operation_id)
    operation = await desk.operation(operation_id)
    assert operation.state is OperationState.SYNCED
    stored = b"".join(state for _, state in desk.store.streams[operation.subject_id])
    assert b'"attested_by":null' in stored


async def test_an_older_worker_proves_nothing(desk: Desk) -> None:
    _, operation_id = await asked(desk)
    operation = await desk.send(operation_id)
    operation.start_verification(operation.fence + 1, desk.at)
    await desk.store.save(operation)
    command = commands.ProveOperation(
        operation_id=operation_id, fence=1, evidence=fitting(operation), at=desk.at
    )
    before = desk.count()
    with pytest.raises(Refused) as refused:
        await desk.give(outcomes.prove, command)
    assert refused.value.code == "fenced"
    assert desk.count() == before


# Refusal


async def test_a_refused_hand_over_leaves_the_reservation(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await desk.refuse(operation_id)
    assert (await desk.assignment(id)).state is State.RESERVED
    assert not (await desk.book()).holds[id].out
    await desk.issue(id)
    assert await desk.open_operation(id) != operation_id


async def test_an_item_that_is_gone_is_not_kept_any_longer(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await desk.refuse(operation_id, gone=True)
    assert (await desk.assignment(id)).state is State.CANCELLED
    assert (await desk.book()).holds == {}


async def test_a_refused_return_leaves_the_custodian_on_record(desk: Desk) -> None:
    id = await desk.out()
    await desk.receive(id)
    await desk.refuse(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.ACTIVE
    assert id in (await desk.book()).holds


async def test_a_refused_loss_leaves_it_reported(desk: Desk) -> None:
    operation_id = await out_and_lost(desk)
    await desk.refuse(operation_id)
    id = (await desk.operation(operation_id)).subject_id
    assert (await desk.assignment(id)).state is State.LOSS_PENDING


@pytest.mark.parametrize(
    ("how", "actual"), [("external_return", None), ("reasserted", None), ("relinked", OTHER)]
)
async def test_a_refused_resolution_leaves_the_drift(
    desk: Desk, how: str, actual: tuple[str, int] | None
) -> None:
    id = await desk.out()
    await desk.drift(id, actual)
    await desk.resolve_drift(id, how)
    await desk.refuse(await desk.open_operation(id))
    assignment = await desk.assignment(id)
    assert assignment.state is State.ACTIVE
    assert assignment.standing.drift is not None


# What needs a person


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (Blocked("unauthorized", "The token is not accepted."), "unauthorized"),
        (Conflict(operations.evidence(OTHER)), "conflict"),
        (Exhausted("status 502"), "status 502"),
    ],
)
async def test_what_needs_a_person_is_shown_and_claims_nothing(
    desk: Desk, problem: Problem, reason: str
) -> None:
    id, operation_id = await asked(desk)
    if isinstance(problem, Exhausted):
        operation = await desk.operation(operation_id)
        operation.start_attempt(1, desk.at)
        operation.fail_attempt(problem.reason, desk.at, desk.at)
        await desk.store.save(operation)
    await desk.raise_attention(operation_id, problem)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.attention) == (State.ISSUING, reason)
    assert (await desk.book()).holds[id].out


async def attention(desk: Desk, operation_id: Id) -> None:
    await desk.raise_attention(operation_id, Blocked("unauthorized", "No."))


async def test_what_is_given_up_is_as_if_refused(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await attention(desk, operation_id)
    await desk.abandon(operation_id)
    assert (await desk.assignment(id)).state is State.RESERVED
    assert (await desk.operation(operation_id)).state is OperationState.FAILED


async def test_a_word_is_taken_as_a_word(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await attention(desk, operation_id)
    await desk.attest(operation_id)
    assert (await desk.assignment(id)).state is State.ACTIVE
    assert f'"attested_by":"{MANAGER.user_id}"' in desk.store.streams[id][-1][1].decode()


async def test_a_word_for_a_return_is_taken_too(desk: Desk) -> None:
    operation_id = await cables_back(desk)
    await attention(desk, operation_id)
    await desk.attest(operation_id)
    id = (await desk.operation(operation_id)).subject_id
    assignment = await desk.assignment(id)
    assert (assignment.standing.outstanding, len(assignment.standing.rows)) == (1, 1)


async def test_units_whose_rows_nobody_knows_are_not_proven_to_be_back(desk: Desk) -> None:
    operation_id = await cables_asked(desk)
    await attention(desk, operation_id)
    await desk.attest(operation_id)
    id = (await desk.operation(operation_id)).subject_id
    await desk.receive(id)
    back = await desk.send(await desk.open_operation(id))
    assert back.wanted == {"quantity": 3, "rows": []}
    with pytest.raises(EvidenceUnfit):
        await desk.prove_sent(back, fitting(back))
    await desk.raise_sent(back, Conflict(fitting(back)))
    await desk.attest(id_of(back.id))
    assert (await desk.assignment(id)).state is State.CLOSED


@pytest.mark.parametrize("by", [TECHNICIAN, CUSTODIAN])
async def test_only_an_inventory_manager_decides(desk: Desk, by: Any) -> None:
    _, operation_id = await asked(desk)
    await attention(desk, operation_id)
    before = desk.count()
    for decide in (desk.abandon, desk.attest):
        with pytest.raises(Forbidden):
            await decide(operation_id, by)
    assert desk.count() == before


# Transfer


async def half_way(desk: Desk) -> tuple[Id, Id]:
    """A transfer whose first half is proven, and its second half."""
    id = await desk.out()
    await desk.transfer(id)
    await desk.prove(await desk.open_operation(id))
    return id, await desk.open_operation(id)


async def test_a_transfer_ends_with_the_successor(desk: Desk) -> None:
    id, second = await half_way(desk)
    operation = await desk.operation(second)
    assert (operation.kind, operation.target) == (
        Kind.CHECKOUT,
        {"kind": "user", "id": CHI.id, "external_id": 4},
    )
    assert desk.store.rows[-1] == OperationWaiting(operation.tenant_id, second, "asset:17", desk.at)
    await desk.prove(second)
    (successor_id,) = (await desk.book()).holds
    successor = await desk.assignment(successor_id)
    assert (await desk.assignment(id)).standing.outcome == "transferred"
    assert (successor.state, successor.custodian, successor.standing.due) == (
        State.ACTIVE,
        CHI,
        DUE,
    )
    assert successor.transferred_from == id
    assert desk.topics(successor_id) == ["reserved", "issue_requested", "issued"]


async def test_units_are_handed_on_with_their_rows(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    rows = (await desk.assignment(id)).standing.rows
    await desk.transfer(id)
    first = await desk.open_operation(id)
    assert (await desk.operation(first)).wanted == {"quantity": 3, "rows": list(rows)}
    await desk.prove(first)
    await desk.prove(await desk.open_operation(id))
    (successor_id,) = (await desk.book(CABLES)).holds
    successor = await desk.assignment(successor_id)
    assert successor.standing.outstanding == 3
    assert not set(successor.standing.rows) & set(rows)


async def test_a_transfer_that_is_refused_at_once_changes_nothing(desk: Desk) -> None:
    id = await desk.out()
    await desk.transfer(id)
    await desk.refuse(await desk.open_operation(id))
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.drift) == (State.ACTIVE, None)


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_half_transfer_is_undone(desk: Desk, given_up: bool) -> None:
    id, second = await half_way(desk)
    if given_up:
        await attention(desk, second)
        await desk.abandon(second)
    else:
        await desk.refuse(second)
    assert (await desk.assignment(id)).state is State.TRANSFERRING
    third = await desk.open_operation(id)
    undoing = await desk.operation(third)
    assert (undoing.kind, undoing.target) == (
        Kind.CHECKOUT,
        {"kind": "user", "id": BEN.id, "external_id": 3},
    )
    await desk.prove(third)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.custodian) == (State.ACTIVE, BEN)
    assert undoing.compensates is not None
    undone = await desk.operation(undoing.compensates)
    assert (undone.kind, undone.state) == (Kind.CHECKIN, OperationState.COMPENSATED)
    assert set((await desk.book()).holds) == {id}


@pytest.mark.parametrize("actual", [None, ("user", 77)])
async def test_what_cannot_be_undone_is_drift_as_it_was_read(desk: Desk, actual: Any) -> None:
    id, second = await half_way(desk)
    await desk.refuse(second)
    shown = operations.evidence(actual)
    await desk.refuse(await desk.open_operation(id), evidence=shown)
    assignment = await desk.assignment(id)
    assert assignment.state is State.ACTIVE
    assert assignment.standing.drift == Drift(actual, shown["read_at"])


async def test_what_nobody_has_looked_at_is_no_drift(desk: Desk) -> None:
    id, second = await half_way(desk)
    await desk.refuse(second)
    third = await desk.open_operation(id)
    await attention(desk, third)
    await desk.abandon(third)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.drift) == (State.ACTIVE, None)
    assert assignment.standing.attention == "abandoned"
    await desk.drift(id, None)
    await desk.resolve_drift(id, "external_return")
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).state is State.CLOSED


async def test_a_successor_whom_the_inventory_no_longer_knows_gets_nothing(desk: Desk) -> None:
    id = await desk.out()
    await desk.transfer(id)
    desk.facts.has_custodian("user", CHI.id, None)
    await desk.prove(await desk.open_operation(id))
    undoing = await desk.operation(await desk.open_operation(id))
    assert undoing.target == {"kind": "user", "id": BEN.id, "external_id": 3}
    await desk.prove(id_of(undoing.id))
    assert (await desk.assignment(id)).state is State.ACTIVE


# What did not come back


@pytest.mark.parametrize(
    ("conditions", "outcome"),
    [
        ((Condition.MISSING,), "written_off"),
        ((Condition.CONSUMED,), "consumed"),
        ((Condition.OK, Condition.CONSUMED), "consumed"),
        ((Condition.OK, Condition.MISSING), "written_off"),
        ((Condition.MISSING, Condition.CONSUMED), "written_off"),
    ],
)
async def test_units_are_gone_once_the_inventory_says_so(
    desk: Desk, conditions: tuple[Condition, ...], outcome: str
) -> None:
    id = await desk.out(CABLES, quantity=len(conditions))
    await desk.receive(id, *(Units(1, condition) for condition in conditions))
    for operation_id in (await desk.assignment(id)).standing.pending:
        assert (await desk.assignment(id)).state is State.RETURNING
        await desk.prove(operation_id)
    told = await desk.assignment(id)
    assert (told.state, told.standing.outcome) == (State.CLOSED, outcome)
    assert desk.topics(id).count("returned") == conditions.count(Condition.OK)
    assert (await desk.book(CABLES)).holds == {}


async def test_units_noted_as_gone_are_written_off_after_the_hand_over(desk: Desk) -> None:
    id = await desk.reserve(CABLES, quantity=3, issue=True)
    hand_over = await desk.open_operation(id)
    await desk.receive(id, Units(1, Condition.MISSING), Units(2, Condition.OK))
    assert desk.topics(id)[-2:] == ["return_noted", "return_noted"]
    await desk.prove(hand_over)
    told = await desk.assignment(id)
    assert (told.state, told.standing.noted) == (State.RETURNING, ())
    rows = list(told.standing.rows)
    following = [await desk.operation(operation_id) for operation_id in told.standing.pending]
    assert [(operation.kind, operation.wanted) for operation in following] == [
        (Kind.QUANTITY_CHECKIN, {"quantity": 2, "rows": rows[:2]}),
        (Kind.QUANTITY_WRITE_OFF, {"quantity": 1, "rows": rows[2:]}),
    ]
    for operation in following:
        await desk.prove(id_of(operation.id))
    told = await desk.assignment(id)
    assert (told.state, told.standing.outcome) == (State.CLOSED, "written_off")
    assert (await desk.book(CABLES)).holds == {}


async def test_units_that_turn_up_again_are_still_out(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=2)
    await desk.receive(id, Units(2, Condition.MISSING))
    await given_up(desk, await desk.open_operation(id))
    await desk.receive(id)
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


# Late effects


async def test_a_late_hand_over_is_undone(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await attention(desk, operation_id)
    await desk.abandon(operation_id)
    await desk.find_late(operation_id)
    operation = await desk.operation(operation_id)
    assert operation.compensated_by is not None
    undoing = await desk.operation(operation.compensated_by)
    assert (undoing.kind, undoing.target) == (Kind.CHECKIN, operation.target)
    await desk.prove(id_of(undoing.id))
    assert (await desk.operation(operation_id)).state is OperationState.COMPENSATED
    assert (await desk.assignment(id)).state is State.RESERVED
    assert "issued" not in desk.topics(id)


@pytest.mark.parametrize("lent_again", [False, True])
async def test_a_hand_over_that_lands_after_the_return_is_undone(
    desk: Desk, lent_again: bool
) -> None:
    id = await desk.out()
    await desk.drift(id, None)
    await desk.resolve_drift(id, "reasserted")
    late = await given_up(desk, await desk.open_operation(id))
    await desk.receive(id)
    await desk.prove(await desk.open_operation(id))
    if lent_again:
        await desk.out()
    await desk.find_late(late)
    assert ((await desk.operation(late)).compensated_by is None) == lent_again


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_landed_late_is_left_to_whom_it_was_issued_since(
    desk: Desk, cancelled: bool
) -> None:
    id = await desk.reserve(begins=desk.at + timedelta(days=3), due=DUE)
    await desk.issue(id)
    late = await given_up(desk, await desk.open_operation(id))
    if cancelled:
        await desk.cancel(id)
    since = await desk.reserve(due=desk.at + timedelta(days=2), issue=True)
    with pytest.raises(InventoryAsked):
        await desk.find_late(late)
    await desk.prove(await desk.open_operation(since))
    await desk.find_late(late)
    operation = await desk.operation(late)
    assert (operation.compensated_by, operation.reason) == (None, "late_effect")


async def test_what_an_open_hand_over_may_find_is_not_undone_before_it_is_settled(
    desk: Desk,
) -> None:
    id, first = await asked(desk)
    await given_up(desk, first)
    await desk.issue(id)
    with pytest.raises(InventoryAsked):
        await desk.find_late(first)
    await desk.refuse(await desk.open_operation(id))
    await desk.find_late(first)
    assert (await desk.operation(first)).compensated_by is not None


async def test_what_a_hand_over_that_waits_for_a_person_may_find_is_left_to_them(
    desk: Desk,
) -> None:
    id, first = await asked(desk)
    await given_up(desk, first)
    await desk.issue(id)
    await attention(desk, await desk.open_operation(id))
    await desk.find_late(first)
    operation = await desk.operation(first)
    assert (operation.compensated_by, operation.reason) == (None, "late_effect")


async def test_what_was_lost_and_turns_up_is_with_nobody(desk: Desk) -> None:
    lost = await desk.out()
    await desk.report_loss(lost)
    await desk.confirm_loss(lost)
    await desk.prove(await desk.open_operation(lost))
    id, late = await asked(desk)
    await given_up(desk, late)
    await desk.cancel(id)
    await desk.recover(lost)
    await desk.find_late(late)
    assert (await desk.operation(late)).compensated_by is not None


@pytest.mark.parametrize("retried", [False, True])
async def test_who_is_handed_it_meanwhile_is_seen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, retried: bool
) -> None:
    id, late = await asked(desk)
    await given_up(desk, late)
    await desk.cancel(id)
    decide = partial(desk.find_late, late)
    if retried:
        await decide()
        undoing = (await desk.operation(late)).compensated_by
        assert undoing is not None
        await attention(desk, undoing)
        decide = partial(desk.retry, undoing)
    load = desk.store.load

    async def load_and_hand_out(kind: type[Any], *which: Any) -> Any:
        found = await load(kind, *which)
        if kind is ItemBook:
            monkeypatch.undo()
            await desk.out()
        return found

    monkeypatch.setattr(desk.store, "load", load_and_hand_out)
    with pytest.raises(StreamMoved):
        await decide()


async def test_an_undoing_that_waited_takes_nothing_from_who_was_issued_it_since(
    desk: Desk,
) -> None:
    id, late = await asked(desk)
    await given_up(desk, late)
    await desk.find_late(late)
    undoing = (await desk.operation(late)).compensated_by
    assert undoing is not None
    await attention(desk, undoing)
    await desk.issue(id)
    for _ in ("is being issued", "is out"):
        with pytest.raises(HandedOutSince):
            await desk.retry(undoing)
        if pending := (await desk.assignment(id)).standing.pending:
            await desk.prove(next(iter(pending)))
    await desk.receive(id)
    await desk.prove(await desk.open_operation(id))
    await desk.retry(undoing)
    assert (await desk.operation(undoing)).state is OperationState.PENDING


async def given_up(desk: Desk, operation_id: Id) -> Id:
    await attention(desk, operation_id)
    await desk.abandon(operation_id)
    return operation_id


async def test_units_that_went_out_late_are_taken_back_row_by_row(desk: Desk) -> None:
    operation_id = await given_up(desk, await cables_asked(desk))
    rows = fitting(await desk.operation(operation_id))["rows"]
    await desk.find_late(operation_id)
    operation = await desk.operation(operation_id)
    assert operation.compensated_by is not None
    undoing = await desk.operation(operation.compensated_by)
    assert (undoing.kind, undoing.target) == (Kind.QUANTITY_CHECKIN, operation.target)
    assert undoing.wanted == {"quantity": 3, "rows": rows}


async def test_what_a_second_hand_over_may_count_is_decided_after_it(desk: Desk) -> None:
    id = await desk.reserve(CABLES, quantity=3, issue=True)
    first = await given_up(desk, await desk.open_operation(id))
    await desk.issue(id)
    second = await desk.open_operation(id)
    assert (await desk.operation(second)).wanted["earlier"] == [first]
    with pytest.raises(InventoryAsked):
        await desk.find_late(first)
    late = fitting(await desk.operation(first))
    await desk.prove(second, late)
    await desk.find_late(first, late)
    assert (await desk.operation(first)).compensated_by is None


async def test_what_is_being_taken_back_is_not_counted_again(desk: Desk) -> None:
    id = await desk.reserve(CABLES, quantity=3, issue=True)
    first = await given_up(desk, await desk.open_operation(id))
    await desk.find_late(first)
    await desk.issue(id)
    assert (await desk.operation(await desk.open_operation(id))).wanted["earlier"] == []


async def test_units_that_were_handed_on_late_are_taken_back(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    await desk.transfer(id)
    await desk.prove(await desk.open_operation(id))
    late = await given_up(desk, await desk.open_operation(id))
    await desk.prove(await desk.open_operation(id))
    await desk.find_late(late)
    assert (await desk.operation(late)).compensated_by is not None
    assert (await desk.assignment(id)).state is State.ACTIVE


async def test_units_whose_way_back_to_the_custodian_was_given_up_are_taken_back(
    desk: Desk,
) -> None:
    id = await desk.out(CABLES, quantity=3)
    await desk.transfer(id)
    await desk.prove(await desk.open_operation(id))
    await desk.refuse(await desk.open_operation(id))
    before = (await desk.assignment(id)).standing.rows
    late = await given_up(desk, await desk.open_operation(id))
    await desk.find_late(late)
    assert (await desk.operation(late)).compensated_by is not None
    await desk.drift_of_units(id, *before)
    await desk.resolve_drift(id, "external_return")
    await desk.prove(await desk.open_operation(id))
    assert (await desk.assignment(id)).standing.outcome == "returned"


async def test_late_units_are_left_where_somebody_vouched_for_units_unknown(desk: Desk) -> None:
    id = await desk.out(CABLES, quantity=3)
    await desk.drift_of_units(id, *(await desk.assignment(id)).standing.rows[:2])
    await desk.resolve_drift(id, "reasserted")
    late = await given_up(desk, await desk.open_operation(id))
    await desk.resolve_drift(id, "reasserted")
    again = await desk.open_operation(id)
    await attention(desk, again)
    await desk.attest(again)
    assert len((await desk.assignment(id)).standing.rows) == 1
    await desk.find_late(late)
    assert (await desk.operation(late)).compensated_by is None


async def test_consumables_that_went_out_late_stay_with_a_person_to_decide(desk: Desk) -> None:
    id = await desk.reserve(SCREWS, quantity=9, issue=True)
    late = await given_up(desk, await desk.open_operation(id))
    await desk.find_late(late)
    assert (await desk.operation(late)).compensated_by is None
    assert (await desk.assignment(id)).standing.attention == "late_effect_not_undone"


async def test_a_late_return_is_drift(desk: Desk) -> None:
    id = await desk.out()
    await desk.receive(id)
    operation_id = await desk.open_operation(id)
    await attention(desk, operation_id)
    await desk.abandon(operation_id)
    await desk.find_late(operation_id, NOBODY)
    assignment = await desk.assignment(id)
    assert assignment.state is State.ACTIVE
    assert assignment.standing.drift is not None


async def test_a_late_effect_before_the_decision_leaves_it_to_the_decision(desk: Desk) -> None:
    id, operation_id = await asked(desk)
    await attention(desk, operation_id)
    await desk.find_late(operation_id)
    assignment = await desk.assignment(id)
    assert (assignment.state, assignment.standing.attention) == (State.ISSUING, "late_effect")
    assert (await desk.operation(operation_id)).compensated_by is None


async def test_a_late_effect_can_be_given_up_in_its_turn(desk: Desk) -> None:
    id = await desk.out()
    await desk.approve_extension(id, DUE + timedelta(days=7))
    operation_id = await desk.open_operation(id)
    await attention(desk, operation_id)
    await desk.abandon(operation_id)
    await desk.find_late(operation_id)
    before = desk.topics(id)
    await desk.abandon(operation_id)
    assert desk.topics(id) == before


# What is of no assignment


async def test_an_operation_on_a_thing_itself_is_settled_alone(desk: Desk) -> None:
    operation = operations.requested(Kind.SET_STATUS, wanted={"status_id": 9}, purpose="retire")
    await desk.store.save(operation)
    before = len(desk.store.streams)
    await desk.prove(id_of(operation.id))
    assert (await desk.operation(id_of(operation.id))).state is OperationState.SYNCED
    assert len(desk.store.streams) == before
