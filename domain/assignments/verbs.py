"""What the verbs of an assignment share; they stand in a module for each of their subjects."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from domain.assignments import events
from domain.assignments.content import Custodian, Item, State
from domain.assignments.errors import NotAwaited
from domain.assignments.rules import AssignmentView
from domain.assignments.standing import HANDING_OVER, Awaited, Pending, Standing
from domain.ids import Id

if TYPE_CHECKING:
    from eventsourcing.domain import Aggregate as _Aggregate
else:
    _Aggregate = object


class Verbs(_Aggregate):
    """A part of an assignment's verbs."""

    item: Item
    custodian: Custodian
    standing: Standing

    @property
    def state(self) -> State:
        """Where it stands."""
        return self.standing.state

    def view(self) -> AssignmentView:
        """What the rules look at."""
        now = self.standing
        return AssignmentView(
            state=now.state,
            item_kind=self.item.kind,
            custodian_kind=self.custodian.kind,
            custodian_id=self.custodian.id,
            due=now.due,
            unreturned=now.unreturned,
            asked=bool(now.pending),
            extension=now.extension,
            renewals=now.renewals,
            drifted=now.drift is not None,
            held_by_another=now.drift is not None and now.drift.actual is not None,
            gone=now.gone,
            being_handed_over=now.awaits(*HANDING_OVER),
        )

    def _pending(self, operation_id: Id, *awaited: Awaited) -> Pending:
        pending = self.standing.pending.get(operation_id)
        if pending is None or pending.awaited not in awaited:
            raise NotAwaited
        return pending

    def _add(self, event: type[events.Event], at: datetime, **fields: Any) -> None:
        self.trigger_event(event, timestamp=at, **fields)
