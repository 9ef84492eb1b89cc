"""What is done about a requisition once it is approved: its units are kept, handed over, given up.

The verbs of ``Requisition`` for that, in a module of their own; there are its facts and appliers.
"""

from datetime import datetime
from typing import TYPE_CHECKING

from domain.fields import optional_time_text
from domain.ids import Id
from domain.requisitions import events, fulfilment, quantities, rules
from domain.requisitions.availability import Availability
from domain.requisitions.content import Line
from domain.requisitions.errors import LineNotFound
from domain.requisitions.fulfilment import AllocatedItem, Allocation
from domain.requisitions.quantities import Place, Quantities, State
from domain.requisitions.rules import Asked, Command, RequisitionView

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate as _Aggregate
else:
    _Aggregate = object


class Handover(_Aggregate):
    """The part of a requisition that begins with its approval."""

    state: State
    lines: dict[Id, Line]
    quantities: dict[Id, Quantities]
    allocations: dict[Id, Allocation]

    def view(self, *, project_archived: bool = False) -> RequisitionView:
        """What the rules look at."""
        raise NotImplementedError

    @property
    def held(self) -> tuple[Id, ...]:
        """The assignments that keep something for it which nobody has begun to hand over."""
        return tuple(fulfilment.held(self.allocations))

    def note_availability(
        self, decision: Command, availability: Availability | None, at: datetime
    ) -> None:
        """Record what the inventory had at a decision; nothing where none of it is concerned."""
        if availability is None:
            return
        self.trigger_event(
            events.AvailabilityNoted,
            decision=decision.value,
            inventory="known" if availability.known else "unknown",
            lines=[
                events.LineAvailabilityData(line_id=line_id, remaining=remaining)
                for line_id, remaining in availability.remaining.items()
            ],
            as_of=optional_time_text(availability.as_of),
            timestamp=at,
        )

    def fulfil(self, line_id: Id, quantity: int, note: str | None, asked: Asked) -> None:
        """Meet units of a purchase line. Raises ``LineNotFound, NotAPurchase, MoreThanOpen``."""
        line = self._line(line_id)
        self._check(Command.FULFIL, asked)
        fulfilment.check_fulfilled(line, self.quantities[line_id], quantity)
        self.trigger_event(
            events.LineFulfilled,
            line_id=line_id,
            quantity=quantity,
            note=note,
            by=asked.by.user_id,
            timestamp=asked.at,
        )

    def close_short(self, line_id: Id, quantity: int, reason: str, asked: Asked) -> None:
        """Give up units of a line. Raises ``LineNotFound, BeingIssued, MoreThanOpen``."""
        self._line(line_id)
        self._check(Command.CLOSE_SHORT, asked)
        fulfilment.check_closed_short(self.quantities[line_id], quantity)
        self._close_short(line_id, quantity, reason, asked.by.user_id, asked.at)

    def allocate(
        self,
        line_id: Id,
        assignment_id: Id,
        item: AllocatedItem,
        quantity: int,
        substitution_reason: str | None,
        asked: Asked,
    ) -> None:
        """Let an assignment keep units for a line.

        Raises ``LineNotFound`` and the refusals of ``fulfilment.check_allocated``.
        """
        line = self._line(line_id)
        self._check(Command.ALLOCATE, asked)
        reason = fulfilment.check_allocated(
            line, self.quantities[line_id], item, quantity, substitution_reason
        )
        self.trigger_event(
            events.LineAllocated,
            line_id=line_id,
            assignment_id=assignment_id,
            quantity=quantity,
            item=item.data,
            substitution_reason=reason,
            by=asked.by.user_id,
            timestamp=asked.at,
        )

    def deallocate(self, assignment_id: Id, reason: str, asked: Asked) -> None:
        """Give up what an assignment keeps. Raises ``NotAllocated``."""
        self._check(Command.DEALLOCATE, asked)
        self.line_released(assignment_id, reason, asked.by.user_id, asked.at)

    def line_released(self, assignment_id: Id, reason: str, by: Id | None, at: datetime) -> None:
        """The assignment was given up, by somebody or the system. Raises ``NotAllocated``."""
        self._move(events.LineDeallocated, assignment_id, Place.ALLOCATED, at, reason=reason, by=by)

    def line_issuing(self, assignment_id: Id, operation_id: Id, by: Id, at: datetime) -> None:
        """The assignment is being handed over. Raises ``NotAllocated``."""
        found = {"operation_id": operation_id, "by": by}
        self._move(events.LineIssuing, assignment_id, Place.ALLOCATED, at, **found)

    def line_issued(self, assignment_id: Id, operation_id: Id, at: datetime) -> None:
        """The inventory has confirmed the hand-over. Raises ``NotAllocated``."""
        self._move(events.LineIssued, assignment_id, Place.ISSUING, at, operation_id=operation_id)

    def line_issue_failed(
        self, assignment_id: Id, operation_id: Id, reason: str, at: datetime, *, gone: bool = False
    ) -> None:
        """The inventory refused the hand-over; what is ``gone`` is no longer kept, either.

        Raises ``NotAllocated``.
        """
        found = {"operation_id": operation_id, "reason": reason}
        self._move(events.LineIssueFailed, assignment_id, Place.ISSUING, at, **found)
        if gone:
            self.line_released(assignment_id, reason, None, at)

    def move_units(self, moved: events.UnitsMoved) -> None:
        """Apply an event that moves units of a line."""
        line = fulfilment.line_after(self.quantities[moved.line_id], moved)
        self.quantities = {**self.quantities, moved.line_id: line}
        self.allocations = fulfilment.allocations_after(self.allocations, moved)
        self.state = quantities.state_after_approval(self.quantities.values())

    def _check(self, command: Command, asked: Asked) -> None:
        rules.check(command, self.view(), asked)

    def _line(self, line_id: Id) -> Line:
        if line_id not in self.lines:
            raise LineNotFound
        return self.lines[line_id]

    def _release_all(self, reason: str, by: Id | None, at: datetime) -> None:
        for assignment_id in self.held:
            self.line_released(assignment_id, reason, by, at)

    def _close_short(
        self, line_id: Id, quantity: int, reason: str, by: Id | None, at: datetime
    ) -> None:
        self.trigger_event(
            events.LineClosedShort,
            line_id=line_id,
            quantity=quantity,
            reason=reason,
            by=by,
            timestamp=at,
        )

    def _move(
        self,
        event_class: type[events.AssignmentMoved],
        assignment_id: Id,
        source: Place,
        at: datetime,
        **fields: Id | None,
    ) -> None:
        found = fulfilment.allocation_in(self.allocations, assignment_id, source)
        self.trigger_event(
            event_class,
            line_id=found.line_id,
            assignment_id=assignment_id,
            quantity=found.quantity,
            **fields,
            timestamp=at,
        )
