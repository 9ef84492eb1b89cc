"""Which events somebody is told about, who, and with what: pure, from an object's own events.

The feed's projection and the worker that sends both go by this page, so what stands in the feed
and what comes by e-mail is the same. Nothing here knows a name or an address.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType, ModuleType
from typing import Any, Final

from domain.assignments import events as assignments
from domain.assignments.content import is_to_be_collected
from domain.ids import Id, derived_id
from domain.inventory_operations import events as operations
from domain.notifications.kinds import Kind
from domain.permissions import ASSIGNMENTS_RETURN, INVENTORY_MANAGE
from domain.requisitions import events as requisitions

Subject = Mapping[str, Any]
"""What must be known of an object to tell of it: plain values, ids and what people typed."""

LEADS_AFTER_DAYS: Final = 7
"""From this many days after the due date on, the leads of the project are told, too."""


TOLD_PERMISSIONS: Final = (INVENTORY_MANAGE, ASSIGNMENTS_RETURN)
"""The permissions whose holders are told of something."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told: these people, the leads of a project, whoever holds a permission."""

    people: frozenset[Id] = frozenset()
    leads_of: Id | None = None
    permission: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told of one event."""

    kind: Kind
    audience: Audience
    data: Mapping[str, Any] = field(default_factory=dict)


Learn = Callable[[Subject, Any], Subject]
Tell = Callable[[Subject, Any], Notice | None]


def learnt(subject: Subject, event: Any) -> Subject:
    """The subject after an event; the same object where the event says nothing new of it."""
    learn = _LEARN.get(event.TOPIC)
    return subject if learn is None else learn(subject, event)


def notice_of(subject: Subject, event: Any, actor_id: Id | None) -> Notice | None:
    """What is to be told of an event, if anything. ``subject`` knows the event already.

    Nobody is told what they have just done themselves.
    """
    tell = _TELL.get(event.TOPIC)
    notice = None if tell is None else tell(subject, event)
    if notice is None:
        return None
    audience = notice.audience
    others = audience.people - {actor_id}
    if not others and audience.leads_of is None and audience.permission is None:
        return None
    return Notice(
        notice.kind, Audience(others, audience.leads_of, audience.permission), notice.data
    )


def audience_ids(audience: Audience, tenant_id: Id) -> list[Id]:
    """One id for each part of an audience: a person's own, or one made for a group of them."""
    ids = sorted(audience.people)
    if audience.leads_of is not None:
        ids.append(leads_id(audience.leads_of))
    if audience.permission is not None:
        ids.append(holders_id(tenant_id, audience.permission))
    return ids


def leads_id(project_id: Id) -> Id:
    """Stands for the leads of a project."""
    return derived_id("leads-of", project_id)


def holders_id(tenant_id: Id, permission: str) -> Id:
    """Stands for whoever holds a permission in the tenant."""
    return derived_id("holders-of", tenant_id, permission)


def _requisition_known(_: Subject, event: requisitions.Drafted) -> Subject:
    return {
        "tenant_id": event.tenant_id,
        "requester_id": event.requester_id,
        "beneficiary_id": event.beneficiary_id,
        "purpose": event.purpose,
    }


def _header_known(subject: Subject, event: requisitions.HeaderChanged) -> Subject:
    return {**subject, "beneficiary_id": event.beneficiary_id, "purpose": event.purpose}


def _assignment_known(_: Subject, event: assignments.Reserved) -> Subject:
    """``outstanding`` units are out or reserved; the inventory lists some with nobody."""
    return {
        "tenant_id": event.tenant_id,
        "item": dict(event.item),
        "quantity": event.quantity,
        "handed_over": False,
        "outstanding": event.quantity,
        "held_by_nobody": 0,
        "written_off": 0,
        "custodian": dict(event.custodian),
        "project_id": event.project_id,
        "due": event.due,
        "requisition_id": event.requisition_id,
    }


def _due_known(subject: Subject, event: assignments.DueDateChanged) -> Subject:
    return {**subject, "due": event.due}


def _hand_over_known(subject: Subject, _: assignments.Issued) -> Subject:
    return {**subject, "handed_over": True}


def _return_known(subject: Subject, event: assignments.Returned) -> Subject:
    """What is still not listed after it is said by the event that follows."""
    return {**subject, "outstanding": event.outstanding, "held_by_nobody": 0}


def _write_off_known(subject: Subject, event: assignments.WrittenOff) -> Subject:
    left = {"outstanding": event.outstanding, "held_by_nobody": 0}
    return {**subject, **left, "written_off": subject["written_off"] + event.quantity}


def _drift_known(subject: Subject, event: assignments.DriftDetected) -> Subject:
    return {**subject, "held_by_nobody": 0 if event.actual else subject["outstanding"]}


def _units_drift_known(
    subject: Subject, event: assignments.UnitsDriftDetected | assignments.UnitsDriftReduced
) -> Subject:
    return {**subject, "held_by_nobody": len(event.unlisted)}


def _drift_settled(subject: Subject, _: assignments.DriftResolved) -> Subject:
    return {**subject, "held_by_nobody": 0}


def _operation_known(_: Subject, event: operations.Requested) -> Subject:
    return {
        "tenant_id": event.tenant_id,
        "operation": event.kind,
        "item": {"kind": event.item["kind"], "id": event.item["id"]},
    }


def _approved(subject: Subject, _: requisitions.Approved) -> Notice:
    return _decided(subject, "approved", None)


def _rejected(subject: Subject, event: requisitions.Rejected) -> Notice:
    return _decided(subject, "rejected", event.reason)


def _changes_requested(subject: Subject, event: requisitions.ChangesRequested) -> Notice:
    return _decided(subject, "changes_requested", event.reason)


def _cancelled(subject: Subject, event: requisitions.Cancelled) -> Notice:
    return _decided(subject, "cancelled", event.reason)


def _expired(subject: Subject, _: requisitions.Expired) -> Notice:
    return _decided(subject, "expired", None)


def _decided(subject: Subject, decision: str, reason: str | None) -> Notice:
    concerned = {subject["requester_id"], subject["beneficiary_id"]} - {None}
    data = {"decision": decision, "reason": reason, "purpose": subject["purpose"]}
    return Notice(Kind.REQUISITION_DECIDED, Audience(frozenset(concerned)), data)


def _reserved(subject: Subject, event: assignments.Reserved) -> Notice | None:
    """Not at a transfer or a hand-over over the counter: the person has it in hand by then."""
    begins = datetime.fromisoformat(event.begins)
    meant = begins > event.timestamp or event.requisition_id is not None
    if event.transferred_from is not None or not meant:
        return None
    if not is_to_be_collected(begins, event.timestamp):
        return None
    return _to_be_collected(subject, event)


def _to_be_collected(
    subject: Subject, event: assignments.Reserved | assignments.CollectionFellDue
) -> Notice:
    # What was reserved before this was known has none.
    data = {"from": event.begins, "requisition_id": subject.get("requisition_id")}
    return _to_custodian(subject, Kind.READY_TO_COLLECT, subject["quantity"], data)


def _declined(subject: Subject, event: assignments.Declined) -> Notice:
    """Whoever takes things back is to have this one back, if it is handed over at all."""
    said = {
        "reason": event.reason,
        "custodian": subject["custodian"],
        "handed_over": subject["handed_over"],
    }
    data = _of_units(subject, subject["outstanding"], said)
    return Notice(Kind.DECLINED, Audience(permission=ASSIGNMENTS_RETURN), data)


def _reminded(subject: Subject, event: assignments.ReminderFell) -> Notice | None:
    """Of what the custodian still has, as far as the inventory has said."""
    held = subject["outstanding"] - subject["held_by_nobody"]
    if not held:
        return None
    kind = Kind.OVERDUE if event.day > 0 else Kind.DUE_SOON
    told = _to_custodian(subject, kind, held, {"day": event.day, "due": event.due})
    if event.day < LEADS_AFTER_DAYS:
        return told
    audience = Audience(told.audience.people, leads_of=subject["project_id"])
    return Notice(kind, audience, told.data)


def _returned(subject: Subject, event: assignments.Returned) -> Notice:
    return _to_custodian(subject, Kind.RETURNED, event.quantity, _ended(subject))


def _written_off(subject: Subject, event: assignments.WrittenOff) -> Notice:
    data = {"outcome": event.outcome, **_ended(subject)}
    return _to_custodian(subject, Kind.WRITTEN_OFF, event.quantity, data)


def _ended(subject: Subject) -> Mapping[str, Any]:
    """What has become of the units so far: each is counted in one of these."""
    outstanding, written_off = subject["outstanding"], subject["written_off"]
    returned = subject["quantity"] - outstanding - written_off
    return {"returned": returned, "written_off": written_off, "outstanding": outstanding}


def _drifted(
    subject: Subject, _: assignments.DriftDetected | assignments.UnitsDriftDetected
) -> Notice:
    return _to_managers(subject, "drift")


def _blocked(subject: Subject, event: operations.Blocked) -> Notice:
    return _to_managers(subject, event.reason)


def _conflicting(subject: Subject, _: operations.ConflictDetected) -> Notice:
    return _to_managers(subject, "conflict")


def _exhausted(subject: Subject, event: operations.RetriesExhausted) -> Notice:
    return _to_managers(subject, event.reason)


def _found_late(subject: Subject, _: operations.LateEffectFound) -> Notice:
    return _to_managers(subject, "late_effect")


def _to_custodian(subject: Subject, kind: Kind, quantity: int, data: Mapping[str, Any]) -> Notice:
    """A location has nobody to tell."""
    custodian = subject["custodian"]
    people = frozenset({custodian["id"]} if custodian["kind"] == "user" else ())
    return Notice(kind, Audience(people), _of_units(subject, quantity, data))


def _of_units(subject: Subject, quantity: int, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is told of so many units."""
    return {"item": subject["item"], "quantity": quantity, "due": subject["due"], **data}


def _to_managers(subject: Subject, reason: str) -> Notice:
    data = {"reason": reason, "operation": subject.get("operation"), "item": subject["item"]}
    return Notice(Kind.SYNC_NEEDS_ATTENTION, Audience(permission=INVENTORY_MANAGE), data)


def _events_of(*modules: ModuleType) -> frozenset[type[Any]]:
    return frozenset(
        found
        for module in modules
        for found in vars(module).values()
        if isinstance(found, type)
        and found.__module__ == module.__name__
        and isinstance(vars(found).get("TOPIC"), str)
    )


_LEARNS_FROM: Final[Mapping[type[Any], Learn]] = MappingProxyType(
    {
        requisitions.Drafted: _requisition_known,
        requisitions.HeaderChanged: _header_known,
        assignments.Reserved: _assignment_known,
        assignments.DueDateChanged: _due_known,
        assignments.Issued: _hand_over_known,
        assignments.Returned: _return_known,
        assignments.WrittenOff: _write_off_known,
        assignments.DriftDetected: _drift_known,
        assignments.UnitsDriftDetected: _units_drift_known,
        assignments.UnitsDriftReduced: _units_drift_known,
        assignments.DriftResolved: _drift_settled,
        operations.Requested: _operation_known,
    }
)

_TELLS_OF: Final[Mapping[type[Any], Tell]] = MappingProxyType(
    {
        requisitions.Approved: _approved,
        requisitions.Rejected: _rejected,
        requisitions.ChangesRequested: _changes_requested,
        requisitions.Cancelled: _cancelled,
        requisitions.Expired: _expired,
        assignments.Reserved: _reserved,
        assignments.CollectionFellDue: _to_be_collected,
        assignments.Declined: _declined,
        assignments.ReminderFell: _reminded,
        assignments.Returned: _returned,
        assignments.WrittenOff: _written_off,
        assignments.DriftDetected: _drifted,
        assignments.UnitsDriftDetected: _drifted,
        operations.Blocked: _blocked,
        operations.ConflictDetected: _conflicting,
        operations.RetriesExhausted: _exhausted,
        operations.LateEffectFound: _found_late,
    }
)
# By name: an event from the log is of the class that its aggregate has made of these.
_LEARN: Final = MappingProxyType({event.TOPIC: learn for event, learn in _LEARNS_FROM.items()})
_TELL: Final = MappingProxyType({event.TOPIC: tell for event, tell in _TELLS_OF.items()})

TOLD_TOPICS: Final = frozenset(_TELL)
"""The names of the events that are told of."""

CONCERNED: Final = frozenset(_TELLS_OF) | frozenset(_LEARNS_FROM)
"""The events that change what is known or told."""

EVENTS: Final = _events_of(requisitions, assignments, operations)
"""All events of the objects that are told of."""
