"""A requisition as it was: its events up to a moment, folded, in the form of its row of today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

from fastapi import Query

from domain.errors import NotFound
from domain.fields import time_text
from domain.ids import Id
from domain.requisitions.fulfilment import Allocation, AllocationData
from domain.requisitions.rules import Step
from infrastructure.event_store.recorded import RecordedEvent
from query_api.errors import BadParameter
from query_api.shapes import Time

LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the past: one of these, or none for now."""

    time: datetime | None
    position: int | None
    version: int | None

    @property
    def is_now(self) -> bool:
        """Whether nothing was asked for but the present."""
        return self.time is None and self.position is None and self.version is None

    def has_seen(self, recorded: RecordedEvent) -> bool:
        """Whether this event had happened."""
        if self.time is not None:
            return recorded.recorded_at <= self.time
        if self.position is not None:
            return recorded.position <= self.position
        return self.version is None or recorded.version <= self.version


async def moment(
    as_of: Annotated[Time | None, Query(description="RFC 3339: as it was then.")] = None,
    as_of_position: Annotated[
        int | None, Query(ge=0, le=LARGEST, description="As it was at this position of the log.")
    ] = None,
    as_of_version: Annotated[
        int | None, Query(ge=1, le=LARGEST, description="As it was at this version.")
    ] = None,
) -> Moment:
    """The moment that a request asks for. Raises ``BadParameter`` for more than one."""
    moments = {"as_of": as_of, "as_of_position": as_of_position, "as_of_version": as_of_version}
    given = [name for name, value in moments.items() if value is not None]
    if len(given) > 1:
        raise BadParameter(given[1], "Ask for one moment, not for several.")
    return Moment(as_of, as_of_position, as_of_version)


@dataclass(frozen=True, slots=True)
class PastLine:
    """A line, with the fields of a row of requisition_lines."""

    line_id: Id
    kind: str
    item_id: str | None
    description: str | None
    requested: int
    approved: int
    allocated: int
    issuing: int
    issued: int
    closed_short: int
    note: str | None
    assignments: tuple[AllocationData, ...]


@dataclass(frozen=True, slots=True)
class PastRequisition:
    """A requisition, with the fields of a row of requisitions that an answer shows."""

    id: Id
    project_id: Id
    state: str
    purpose: str
    requester_id: Id
    beneficiary_id: Id | None
    needed_from: datetime | None
    needed_until: datetime | None
    amount: Decimal | None
    approval: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    version: int
    lines: tuple[PastLine, ...]


def fold(stream: Sequence[RecordedEvent], at: Moment) -> PastRequisition:
    """The requisition as it was at a moment. Raises ``NotFound`` for one before it began."""
    seen = [recorded for recorded in stream if at.has_seen(recorded)]
    if not seen:
        raise NotFound("There was no such requisition yet.")
    requisition: Any = None
    for recorded in seen:
        requisition = recorded.event.mutate(requisition)
    return PastRequisition(
        id=seen[0].aggregate_id,
        project_id=requisition.project_id,
        state=requisition.state.value,
        purpose=requisition.header.purpose,
        requester_id=requisition.requester_id,
        beneficiary_id=requisition.header.beneficiary_id,
        needed_from=requisition.header.needed_from,
        needed_until=requisition.header.needed_until,
        amount=requisition.header.amount,
        approval=_approval(requisition.approval),
        created_at=seen[0].recorded_at,
        updated_at=seen[-1].recorded_at,
        version=seen[-1].version,
        lines=tuple(
            _line(line, requisition.quantities[line_id], requisition.allocations)
            for line_id, line in requisition.lines.items()
        ),
    )


def _approval(approval: Any) -> dict[str, Any]:
    return {"step": approval.step, "steps": [_step(step) for step in approval.steps]}


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "permission": step.permission,
        "decision": step.decision,
        "decided_by": step.decided_by,
        "decided_at": None if step.decided_at is None else time_text(step.decided_at),
        "note": step.note,
    }


def _line(line: Any, quantities: Any, allocations: Mapping[Id, Allocation]) -> PastLine:
    return PastLine(
        line_id=line.line_id,
        kind=line.item.kind,
        item_id=line.item.id,
        description=line.item.description,
        requested=quantities.requested,
        approved=quantities.approved,
        allocated=quantities.allocated,
        issuing=quantities.issuing,
        issued=quantities.issued,
        closed_short=quantities.closed_short,
        note=line.note,
        assignments=tuple(
            one.data_for(id) for id, one in allocations.items() if one.line_id == line.line_id
        ),
    )
