"""An operation is asked for, attempted, read back, and proven or given up."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.inventory_operations import rules
from domain.inventory_operations.errors import (
    AlreadySent,
    Fenced,
    GivenUp,
    WrongState,
)
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from domain.inventory_operations.problems import Blocked, Conflict, Exhausted, Problem
from tests.builders.operations import (
    IN_STATE,
    LATER,
    blocked,
    evidence,
    failed,
    in_flight,
    requested,
    synced,
    unknown,
)
from tests.builders.people import ADMINISTRATOR, NOW, TENANT

MANAGER = ADMINISTRATOR.user_id


@pytest.mark.parametrize("state", State)
def test_every_state_is_reached(state: State) -> None:
    assert IN_STATE[state]().state is state


def test_what_was_accepted_is_synced_by_its_proof_alone() -> None:
    operation = in_flight()
    with pytest.raises(WrongState):
        operation.sync(evidence(), NOW)
    operation.accept(99, NOW)
    operation.sync(evidence(), NOW)
    assert (operation.state, operation.created_external_id) == (State.SYNCED, 99)


@pytest.mark.parametrize("fence", [0, 1])
@pytest.mark.parametrize(
    "start", [InventoryOperation.start_attempt, InventoryOperation.start_verification]
)
def test_a_fence_that_is_not_higher_is_refused(
    start: Callable[[InventoryOperation, int, object], None], fence: int
) -> None:
    operation = in_flight()
    with pytest.raises(Fenced):
        start(operation, fence, NOW)


def test_an_outcome_under_an_older_fence_is_refused() -> None:
    operation = in_flight()
    operation.start_verification(2, NOW)
    operation.check_fence(2)
    with pytest.raises(Fenced):
        operation.check_fence(1)


def test_an_attempt_whose_worker_is_gone_is_read_back_first() -> None:
    operation = in_flight()
    with pytest.raises(WrongState):
        operation.start_attempt(2, NOW)
    operation.start_verification(2, LATER)
    assert (operation.state, operation.unsettled_at) == (State.VERIFYING, LATER)


def test_a_second_look_does_not_move_the_time_since_when_it_is_unknown() -> None:
    operation = unknown()
    operation.start_verification(2, LATER)
    assert operation.unsettled_at == NOW


def test_it_is_exhausted_after_ten_tries_that_failed() -> None:
    operation = requested()
    for attempt in range(1, rules.MOST_TRIES + 1):
        assert not operation.exhausted(NOW)
        operation.start_attempt(attempt, NOW)
        operation.fail_attempt("status 502", LATER, NOW)
    assert operation.exhausted(NOW)


def test_it_is_exhausted_after_a_day() -> None:
    assert requested().exhausted(NOW + timedelta(days=1))


def test_a_try_that_was_throttled_does_not_count() -> None:
    operation = in_flight()
    operation.fail_attempt(rules.THROTTLED, LATER, NOW)
    assert (operation.tries, operation.attempts, operation.retry_at) == (0, 1, LATER)


def test_a_retry_starts_anew_with_the_next_attempt() -> None:
    operation = blocked()
    operation.order_retry(MANAGER, "The token is mended.", LATER)
    assert (operation.state, operation.tries, operation.since) == (State.PENDING, 0, LATER)
    operation.start_attempt(2, LATER)
    assert operation.attempts == 2


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (Blocked("unauthorized", "The token is not accepted."), "unauthorized"),
        (Conflict(evidence(holder=("user", 5))), "conflict"),
        (Exhausted("status 502"), "status 502"),
    ],
)
def test_a_problem_needs_attention(problem: Problem, reason: str) -> None:
    operation = unknown()
    operation.raise_problem(problem, NOW)
    assert (operation.state, operation.reason) == (State.NEEDS_ATTENTION, reason)
    assert problem.reason == reason


@pytest.mark.parametrize("state", [state for state in State if state is not State.NEEDS_ATTENTION])
def test_people_decide_only_about_what_needs_attention(state: State) -> None:
    for ask in (
        InventoryOperation.order_retry,
        InventoryOperation.request_resolution,
        InventoryOperation.resolve,
        InventoryOperation.abandon,
    ):
        with pytest.raises(WrongState):
            ask(IN_STATE[state](), MANAGER, "So that it goes on.", NOW)


def test_an_attested_resolution_is_synced_and_says_so() -> None:
    operation = blocked()
    operation.resolve(MANAGER, "I have seen it.", NOW)
    assert operation.state is State.SYNCED
    told = operation.collect_events()[-1]
    assert isinstance(told, InventoryOperation.ManuallyResolved)
    assert told.attested


def test_a_resolution_is_read_back_and_never_sent_again() -> None:
    operation = blocked()
    with pytest.raises(WrongState):
        operation.start_verification(2, NOW)
    operation.request_resolution(MANAGER, "It was done by hand.", NOW)
    operation.start_verification(2, NOW)
    with pytest.raises(WrongState):
        operation.not_applied(LATER, NOW)
    operation.sync(evidence(), NOW)
    assert operation.state is State.SYNCED


def test_a_resolution_without_proof_needs_attention_as_before() -> None:
    operation = blocked()
    operation.request_resolution(MANAGER, "It was done by hand.", NOW)
    operation.start_verification(2, NOW)
    operation.block("not_proven", "The inventory does not show it.", NOW)
    assert (operation.state, operation.resolving) == (State.NEEDS_ATTENTION, False)


def test_only_what_was_never_sent_can_be_called_off() -> None:
    operation = requested()
    operation.cancel("Not needed", NOW)
    assert operation.state is State.FAILED
    sent = in_flight()
    sent.fail_attempt("status 502", LATER, NOW)
    with pytest.raises(AlreadySent):
        sent.cancel("Not needed", NOW)


def test_a_late_effect_of_what_was_given_up_can_only_be_left_alone_or_undone() -> None:
    operation = failed()
    operation.find_late_effect(evidence(), LATER)
    assert operation.state == State.NEEDS_ATTENTION.value
    with pytest.raises(GivenUp):
        operation.order_retry(MANAGER, "Why not", LATER)
    with pytest.raises(WrongState):
        operation.find_late_effect(evidence(), LATER)
    operation.request_compensation(TENANT, LATER)
    operation.compensate(TENANT, LATER)
    assert operation.state == State.COMPENSATED.value


def test_what_had_no_effect_is_not_compensated() -> None:
    with pytest.raises(WrongState):
        failed().request_compensation(TENANT, NOW)
    undone = synced()
    undone.request_compensation(TENANT, NOW)
    with pytest.raises(WrongState):
        undone.compensate(MANAGER, NOW)


def test_the_thing_is_the_inventorys_own_or_the_operation_while_there_is_none() -> None:
    assert requested().thing == "asset:17"
