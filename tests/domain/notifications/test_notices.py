"""Which event tells whom what."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from domain.assignments import events as assignments
from domain.fields import time_text
from domain.ids import Id
from domain.inventory_operations import events as operations
from domain.notifications.kinds import Kind, notification_id, position_of
from domain.notifications.notices import (
    CONCERNED,
    EVENTS,
    Notice,
    audience_ids,
    holders_id,
    leads_id,
    learnt,
    notice_of,
)
from domain.permissions import ASSIGNMENTS_RETURN, INVENTORY_MANAGE
from domain.requisitions import events as requisitions
from infrastructure.ids import derived_id
from tests.builders import told
from tests.builders.custody import AnyAssignment
from tests.builders.people import NOW, PROJECT, TENANT
from tests.builders.told import Stream

ANN, BEN, APPROVER = (derived_id("test", name) for name in ("ann", "ben", "approver"))


def told_last(stream: Stream, actor_id: Id | None = None) -> Notice | None:
    """What is told of the last event of a stream."""
    subject: Any = {}
    for event in stream.events:
        subject = learnt(subject, event)
    return notice_of(subject, stream.events[-1], actor_id)


def test_a_decision_goes_to_the_requester_and_whom_it_is_for() -> None:
    stream = told.requisition(ANN, BEN).then(requisitions.Approved)

    notice = told_last(stream, APPROVER)

    assert notice is not None
    assert notice.kind is Kind.REQUISITION_DECIDED
    assert notice.audience.people == {ANN, BEN}
    assert notice.data == {"decision": "approved", "reason": None, "purpose": "Film day"}


@pytest.mark.parametrize(
    ("event", "fields", "decision"),
    [
        (requisitions.Rejected, {"by": APPROVER, "reason": "No money"}, "rejected"),
        (requisitions.ChangesRequested, {"by": APPROVER, "reason": "Which?"}, "changes_requested"),
        (requisitions.Cancelled, {"by": APPROVER, "reason": "Closed"}, "cancelled"),
        (requisitions.Expired, {}, "expired"),
    ],
)
def test_every_decision_is_told_with_its_reason(
    event: type[Any], fields: dict[str, Any], decision: str
) -> None:
    notice = told_last(told.requisition(ANN).then(event, **fields))

    assert notice is not None
    assert (notice.data["decision"], notice.data["reason"]) == (decision, fields.get("reason"))


def test_a_later_header_counts() -> None:
    stream = told.requisition(ANN, BEN).then(
        requisitions.HeaderChanged,
        purpose="Film night",
        needed_from=None,
        needed_until=None,
        beneficiary_id=None,
        amount=None,
        policy_id=None,
    )

    notice = told_last(stream.then(requisitions.Approved))

    assert notice is not None
    assert notice.audience.people == {ANN}
    assert notice.data["purpose"] == "Film night"


def test_nobody_is_told_what_they_did_themselves() -> None:
    cancelled = told.requisition(ANN).then(requisitions.Cancelled, by=ANN, reason="Not needed")

    assert told_last(cancelled, ANN) is None
    assert told_last(cancelled, APPROVER) is not None


@pytest.mark.parametrize(
    ("ahead", "fields"),
    [
        (timedelta(0), {}),
        (timedelta(hours=24), {}),
        (timedelta(hours=24), {"requisition_id": None}),
    ],
)
def test_who_is_to_collect_is_told_at_once_where_its_time_is_near(
    ahead: timedelta, fields: dict[str, Any]
) -> None:
    notice = told_last(told.reserved(ANN, begins=time_text(NOW + ahead), **fields))

    assert notice is not None
    assert (notice.kind, set(notice.audience.people)) == (Kind.READY_TO_COLLECT, {ANN})


def test_who_is_to_collect_later_is_told_when_its_time_is_near() -> None:
    begins = time_text(NOW + timedelta(hours=25))
    stream = told.reserved(ANN, begins=begins)

    assert told_last(stream) is None
    notice = told_last(stream.then(assignments.CollectionFellDue, begins=begins))

    assert notice is not None
    assert (notice.kind, set(notice.audience.people)) == (Kind.READY_TO_COLLECT, {ANN})
    assert notice.data["from"] == begins
    assert notice.data["requisition_id"] == derived_id("test", "requisition")


def test_the_desk_is_told_what_its_custodian_declined() -> None:
    declined = told.reserved(ANN).then(assignments.Declined, by=ANN, reason="It is broken")

    notice = told_last(declined, ANN)

    assert notice is not None
    assert notice.kind is Kind.DECLINED
    assert audience_ids(notice.audience, TENANT) == [holders_id(TENANT, ASSIGNMENTS_RETURN)]
    assert (notice.data["reason"], notice.data["item"]) == ("It is broken", told.ASSET)
    assert notice.data["custodian"] == {"kind": "user", "id": ANN}


def test_the_desk_is_told_whether_the_hand_over_of_what_was_declined_is_confirmed() -> None:
    fields = {"by": ANN, "reason": "It is broken"}
    two_left = told.returned(told.issued(told.reserved(ANN, quantity=3)), 1, 2)

    early = told_last(told.reserved(ANN, quantity=3).then(assignments.Declined, **fields))
    later = told_last(two_left.then(assignments.Declined, **fields))

    assert early is not None
    assert (early.data["handed_over"], early.data["quantity"]) == (False, 3)
    assert later is not None
    assert (later.data["handed_over"], later.data["quantity"]) == (True, 2)


def test_nobody_is_told_to_collect_what_they_are_just_being_handed() -> None:
    assert told_last(told.reserved(ANN, requisition_id=None)) is None
    assert told_last(told.reserved(ANN, transferred_from=derived_id("test", "other"))) is None


def test_a_location_has_nobody_to_tell() -> None:
    room = {"kind": "location", "id": BEN}

    assert told_last(told.reserved(BEN, custodian=room)) is None


@pytest.mark.parametrize(
    ("day", "kind", "leads"),
    [
        (-1, Kind.DUE_SOON, None),
        (0, Kind.DUE_SOON, None),
        (1, Kind.OVERDUE, None),
        (3, Kind.OVERDUE, None),
        (7, Kind.OVERDUE, PROJECT),
        (14, Kind.OVERDUE, PROJECT),
    ],
)
def test_reminders_go_to_the_custodian_and_late_ones_to_the_leads(
    day: int, kind: Kind, leads: Id | None
) -> None:
    notice = told_last(told.reminded(told.reserved(ANN), day))

    assert notice is not None
    assert (notice.kind, set(notice.audience.people)) == (kind, {ANN})
    assert notice.audience.leads_of == leads
    assert (notice.data["day"], notice.data["item"]) == (day, told.ASSET)


def test_the_leads_are_told_even_where_a_location_has_it() -> None:
    room = {"kind": "location", "id": BEN}

    notice = told_last(told.reminded(told.reserved(BEN, custodian=room), 7))

    assert notice is not None
    assert audience_ids(notice.audience, TENANT) == [leads_id(PROJECT)]


def test_reminders_are_of_what_has_not_come_back() -> None:
    three = told.reserved(ANN, quantity=3)

    everything = told_last(told.reminded(three, -1))
    rest = told_last(told.reminded(told.returned(three, 2, 1), 1))

    assert everything is not None
    assert everything.data["quantity"] == 3
    assert rest is not None
    assert rest.data["quantity"] == 1


def test_reminders_are_not_of_what_is_written_off_or_with_nobody_over_there() -> None:
    five = told.written_off(told.reserved(ANN, quantity=5), 1, 4)
    unlisted = told.unlisted(five, 71, 72)

    rest = told_last(told.reminded(unlisted, 1))
    less = told.unlisted(told.returned(unlisted, 1, 3), 72, event=assignments.UnitsDriftReduced)
    after_a_return = told_last(told.reminded(less, 3))
    agreed = told_last(told.reminded(told.drift_vanished(less), 7))

    assert rest is not None
    assert rest.data["quantity"] == 2
    assert after_a_return is not None
    assert after_a_return.data["quantity"] == 2
    assert agreed is not None
    assert agreed.data["quantity"] == 3


def test_nobody_is_reminded_of_what_the_inventory_lists_with_nobody() -> None:
    read = {"read_at": "2026-11-21T09:00:00Z"}
    camera = told.reserved(ANN).then(assignments.DriftDetected, actual=None, **read)
    cables = told.unlisted(told.reserved(ANN, quantity=2), 71, 72)

    assert told_last(told.reminded(camera, 7)) is None
    assert told_last(told.reminded(cables, 7)) is None
    elsewhere = camera.then(assignments.DriftDetected, actual=("user", 9), **read)
    assert told_last(told.reminded(elsewhere, 7)) is not None


def test_a_return_says_what_became_of_every_unit() -> None:
    stream = told.written_off(told.reserved(ANN, quantity=4), 1, 3)

    part = told_last(told.returned(stream, 1, 2))
    rest = told_last(told.returned(stream, 2, 0))

    counts = ("quantity", "returned", "written_off", "outstanding")
    assert part is not None
    assert [part.data[name] for name in counts] == [1, 1, 1, 2]
    assert rest is not None
    assert [rest.data[name] for name in counts] == [2, 3, 1, 0]


def test_a_return_goes_to_who_had_it() -> None:
    notice = told_last(told.returned(told.reserved(ANN, quantity=3), 2, 1))

    assert notice is not None
    assert (notice.kind, set(notice.audience.people)) == (Kind.RETURNED, {ANN})
    assert (notice.data["returned"], notice.data["outstanding"]) == (2, 1)


def test_who_had_it_is_told_what_did_not_come_back_and_how_that_ended() -> None:
    three = told.returned(told.reserved(ANN, quantity=3), 2, 1)

    notice = told_last(told.written_off(three, 1, 0, "consumed"))

    assert notice is not None
    assert (notice.kind, set(notice.audience.people)) == (Kind.WRITTEN_OFF, {ANN})
    assert notice.data["outcome"] == "consumed"
    counts = ("quantity", "returned", "written_off", "outstanding")
    assert [notice.data[name] for name in counts] == [1, 2, 1, 0]


@pytest.mark.parametrize("seed", range(100))
def test_what_is_told_counts_units_as_the_assignment_does(seed: int) -> None:
    story = AnyAssignment(random.Random(seed))
    subject: Any = {}
    for _ in range(60):
        happened: Sequence[Any] = story.assignment.collect_events()
        for event in happened:
            # Nothing is found missing by a list that misses nothing.
            if event.TOPIC == assignments.UnitsDriftDetected.TOPIC and not event.unlisted:
                return
            subject = learnt(subject, event)
        standing = story.assignment.standing
        if standing.outcome is not None:
            return
        assert subject["handed_over"] == standing.handed_over
        assert subject["outstanding"] == standing.outstanding
        assert subject["outstanding"] - subject["held_by_nobody"] == standing.held
        story.step()


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (operations.Blocked, {"reason": "unauthorized", "message": ""}),
        (operations.ConflictDetected, {"attempt": 1, "actual": told.EVIDENCE}),
        (operations.RetriesExhausted, {"reason": "too_old"}),
        (operations.LateEffectFound, {"evidence": told.EVIDENCE}),
    ],
)
def test_what_needs_attention_goes_to_who_cares_for_the_inventory(
    event: type[Any], fields: dict[str, Any]
) -> None:
    notice = told_last(told.operation().then(event, **fields))

    assert notice is not None
    assert notice.kind is Kind.SYNC_NEEDS_ATTENTION
    assert audience_ids(notice.audience, TENANT) == [holders_id(TENANT, INVENTORY_MANAGE)]
    assert notice.data["operation"] == "checkout"


def test_drift_needs_attention() -> None:
    drifted = told.reserved(ANN).then(
        assignments.DriftDetected, actual=None, read_at="2026-11-21T09:00:00Z"
    )

    notice = told_last(drifted)

    assert notice is not None
    assert (notice.kind, notice.data["reason"]) == (Kind.SYNC_NEEDS_ATTENTION, "drift")


def test_every_event_of_what_is_told_of_is_known() -> None:
    """A new event of these objects must not park the feed."""
    theirs = {
        vars(event)["TOPIC"]
        for aggregate in told.KNOWN
        for event in vars(aggregate).values()
        if isinstance(event, type) and isinstance(vars(event).get("TOPIC"), str)
    }

    assert len(told.KNOWN) == 3
    assert theirs <= {event.TOPIC for event in EVENTS}
    assert CONCERNED <= EVENTS


def test_the_id_of_a_notification_is_its_position() -> None:
    for position in (1, 7, 2**40, 2**63 - 1):
        assert position_of(notification_id(position)) == position
