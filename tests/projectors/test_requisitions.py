"""Requisition rows say what the aggregate says, after every event of every history."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.fields import optional_time_text, time_text
from domain.requisitions.quantities import State
from domain.requisitions.requisition import Requisition
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Rows
from projectors.subscriptions import REQUISITIONS
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, one_requisition
from tests.builders.people import (
    APPROVER,
    BOSS,
    OTHER_APPROVER,
    REQUESTER,
    TECHNICIAN,
    as_member,
)

EMPTY: Rows = {"requisitions": [], "requisition_lines": [], "requisition_words": []}


def rows_of(events: list[RecordedEvent]) -> dict[str, Any]:
    rows: Rows = EMPTY
    for event in events:
        rows = REQUISITIONS.fold(rows, event)
    return dict(rows)


def rows_after(requisition: Requisition) -> dict[str, Any]:
    return rows_of(one_requisition(requisition).events)


@pytest.mark.parametrize("state", list(State))
def test_rows_say_what_the_aggregate_says_in_every_state(state: State) -> None:
    requisition = build.IN_STATE[state]()

    rows = rows_after(requisition)

    assert_same(rows, requisition)


@pytest.mark.parametrize("made", [build.allocated, build.issuing, build.issued])
def test_rows_say_which_assignments_take_what(made: Callable[[], Requisition]) -> None:
    requisition = made()

    rows = rows_after(requisition)

    assert_same(rows, requisition)
    (one,) = rows["requisition_lines"][0]["assignments"]
    assert (one["id"], one["substitution_reason"]) == (build.assignment(1), None)


def test_a_line_shows_why_something_else_is_kept_for_it() -> None:
    requisition = build.approved_for_inventory()
    requisition.allocate(
        build.LAPTOPS.line_id,
        build.assignment(1),
        build.asset(1, model=None),
        1,
        "None left",
        build.asked(TECHNICIAN),
    )

    (one,) = rows_after(requisition)["requisition_lines"][0]["assignments"]

    assert one["substitution_reason"] == "None left"
    assert one["item"] == {"kind": "asset", "id": build.asset(1).id}


def test_rows_say_what_the_aggregate_says_with_several_steps() -> None:
    assert_same(rows_after(requisition := build.approved(build.TWO_STEPS)), requisition)


def test_rows_say_that_the_policy_needs_to_know_what_the_inventory_has() -> None:
    requisition = build.submitted(build.LIVE_TWO_STEPS)
    rows = rows_after(requisition)
    assert_same(rows, requisition)
    assert rows["requisitions"][0]["approval"]["require_live_availability"]

    requisition = build.submitted(build.LIVE_TWO_STEPS)
    requisition.withdraw(None, build.asked(REQUESTER))
    requisition.submit((build.TWO_STEPS,), build.asked(REQUESTER), project_archived=False)
    rows = rows_after(requisition)
    assert_same(rows, requisition)
    assert "require_live_availability" not in rows["requisitions"][0]["approval"]


def test_changed_content_replaces_words_and_keeps_the_order_of_lines() -> None:
    requisition = build.drafted()
    asked = build.asked(REQUESTER)
    requisition.add_line(build.line("probe", 2, "Probe tip"), asked)
    requisition.remove_line(build.CABLES, asked)
    requisition.change_line(build.OSCILLOSCOPES, asked, quantity=5)
    requisition.edit(asked, purpose="Solder things")

    rows = rows_after(requisition)

    assert_same(rows, requisition)
    assert [row["word"] for row in rows["requisition_words"]] == [
        "oscilloscope",
        "probe",
        "solder",
        "things",
        "tip",
    ]
    assert [line["number"] for line in rows["requisition_lines"]] == [1, 3]


def test_a_submitted_requisition_waits_for_the_permission_of_its_present_step() -> None:
    requisition = build.submitted(build.TWO_STEPS)
    assert waiting(requisition) == ("requisitions:approve", None, None)

    requisition = build.submitted(build.TWO_STEPS)
    requisition.approve((), None, build.asked(APPROVER))
    assert waiting(requisition) == ("budget:approve", None, None)

    requisition.approve((), None, build.asked(BOSS))


def test_nobody_is_waited_for_when_everything_is_decided() -> None:
    for maker in (build.approved, build.rejected, build.changes_requested, build.cancelled):
        assert waiting(maker()) == (None, None, None)


def test_a_delegated_step_waits_for_the_last_delegate_until_the_delegation_ends() -> None:
    requisition = build.submitted()
    until = build.AFTER
    requisition.delegate(as_member(OTHER_APPROVER), until, build.asked(APPROVER))

    assert waiting(requisition) == ("requisitions:approve", OTHER_APPROVER.user_id, until)


def test_times_of_rows_are_those_of_the_log() -> None:
    log = one_requisition(build.submitted())
    (row,) = rows_of(log.events)["requisitions"]

    assert row["created_at"] == log.events[0].recorded_at
    assert row["updated_at"] == log.events[-1].recorded_at
    assert row["version"] == len(log.events)


def test_folding_leaves_the_rows_it_was_given_as_they_were() -> None:
    log = one_requisition(build.fulfilled())
    before = rows_of(log.events[:-1])
    copy = {name: [dict(row) for row in rows] for name, rows in before.items()}

    REQUISITIONS.fold(before, log.events[-1])

    assert before == copy


def waiting(requisition: Requisition) -> tuple[Any, ...]:
    events = requisition.pending_events
    log = MemoryLog()
    log.append(list(events))
    (row,) = rows_of(log.events)["requisitions"]
    return row["waiting_permission"], row["delegate_id"], row["delegate_until"]


def assert_same(rows: dict[str, Any], requisition: Requisition) -> None:
    (row,) = rows["requisitions"]
    assert (row["state"], row["reason"]) == (requisition.state, requisition.reason)
    header = requisition.header
    assert row["purpose"] == header.purpose
    assert (row["needed_from"], row["needed_until"]) == (header.needed_from, header.needed_until)
    assert (row["amount"], row["policy_id"]) == (header.amount, header.policy_id)
    assert row["approval"] == approval_of(requisition)
    assert {line["line_id"]: quantities_of(line) for line in rows["requisition_lines"]} == {
        line_id: (
            line.requested,
            line.approved,
            line.allocated,
            line.issuing,
            line.issued,
            line.closed_short,
        )
        for line_id, line in requisition.quantities.items()
    }
    assert {
        one["id"]: (line["line_id"], one["quantity"], one["place"], one["item"])
        for line in rows["requisition_lines"]
        for one in line["assignments"]
    } == {
        id: (one.line_id, one.quantity, one.place, one.item)
        for id, one in requisition.allocations.items()
    }


def approval_of(requisition: Requisition) -> dict[str, Any] | None:
    approval = requisition.approval
    if not approval.steps:
        return None
    live = {"require_live_availability": True} if approval.require_live_availability else {}
    return {
        **live,
        "policy_id": approval.policy_id,
        "policy_name": approval.policy_name,
        "step": approval.step,
        "steps": [
            {
                "name": step.name,
                "permission": step.permission,
                "decision": step.decision,
                "decided_by": step.decided_by,
                "decided_at": None if step.decided_at is None else time_text(step.decided_at),
                "note": step.note,
                "delegated": [
                    {
                        "to_user_id": delegation.to_user_id,
                        "by": delegation.by,
                        "until": optional_time_text(delegation.until),
                    }
                    for delegation in step.delegations
                ],
            }
            for step in approval.steps
        ],
    }


def quantities_of(line: dict[str, Any]) -> tuple[int, ...]:
    return (
        line["requested"],
        line["approved"],
        line["allocated"],
        line["issuing"],
        line["issued"],
        line["closed_short"],
    )
