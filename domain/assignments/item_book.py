"""An item's book: who takes how many units of it, and when.

An asset has one unit. Of an accessory or a consumable the mirror says how many are left, which
comes in as an argument; None means that it is not known, and nothing is refused for it. A
hand-over is not refused for it either: that counts what is there then, less what others reserved
before. One stream for an item makes two technicians at once have exactly one winner.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.assignments import book_events as events
from domain.assignments.content import ASSET, Item
from domain.assignments.errors import ItemHeld, ItemOut, NotEnoughUnits
from domain.assignments.events import ItemData
from domain.fields import optional_time_text, time_of, time_text
from domain.ids import Id

FOR_GOOD: Final = datetime.max.replace(tzinfo=UTC)
_A_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Hold:
    """Units that an assignment takes from ``begins`` until ``until`` (None: for good).

    ``out`` once they are handed over: then they are taken until they come back, however late.
    ``leaving`` while their hand-over is not settled, wherever they are: then they are taken until
    it is. An asset that is being handed over is ``out`` at once.
    """

    assignment_id: Id
    quantity: int
    begins: datetime
    until: datetime | None
    out: bool = False
    leaving: bool = False

    def end(self, at: datetime) -> datetime:
        """When the units are free again, as far as can be known at ``at``."""
        if self.until is None:
            return FOR_GOOD
        return max(self.until, at + _A_MOMENT) if self.out or self.leaving else self.until


class ItemBook(Aggregate):
    """The holds of one item."""

    TOPIC = "item_book"

    # Facts

    Event = events.Event
    Created = events.Created
    Opened = events.Opened
    Held = events.Held
    HandOverBegun = events.HandOverBegun
    HoldChanged = events.HoldChanged
    Released = events.Released

    # Verbs

    @classmethod
    def open(cls, id: UUID, *, tenant_id: Id, item: Item, at: datetime) -> Self:
        """Begin the book of an item."""
        return cls._create(cls.Opened, id=id, timestamp=at, tenant_id=tenant_id, item=item.data)

    def hold(self, hold: Hold, *, remaining: int | None, at: datetime) -> None:
        """Keep units for an assignment. Raises ``ItemHeld`` or ``NotEnoughUnits``.

        ``remaining`` units of an accessory or a consumable are in the inventory's store.
        """
        self._check_room(hold, remaining, at)
        self._held(
            assignment_id=hold.assignment_id,
            quantity=hold.quantity,
            begins=time_text(hold.begins),
            until=optional_time_text(hold.until),
            timestamp=at,
        )

    def hand_out(self, assignment_id: Id, *, at: datetime) -> None:
        """Let it be handed over now, before its time if need be.

        Raises ``ItemOut`` or ``ItemHeld``.
        """
        hold = self._from_now(assignment_id, at)
        if not self._is_asset:
            begins = time_text(hold.begins)
            self._hand_over_begun(assignment_id=assignment_id, begins=begins, timestamp=at)
            return
        if any(other.out for other in self._others(assignment_id)):
            raise ItemOut
        self._check_room(hold, None, at)
        self._change(replace(hold, out=True), at)

    def kept_for_others(self, assignment_id: Id, at: datetime) -> int:
        """Units in the inventory's store that are for those who reserved before this assignment.

        Who came later is not counted, or two could keep each other from what there is.
        """
        ids = list(self.holds)
        before = [self.holds[id] for id in ids[: ids.index(assignment_id)]]
        out = sum(hold.quantity for hold in before if hold.out)
        taken = _most_at_once(before, self._from_now(assignment_id, at), at)
        return max(taken - out, 0)

    def handed_out(self, assignment_id: Id, at: datetime) -> None:
        """The units have left the inventory's store."""
        self._change(replace(self.holds[assignment_id], out=True, leaving=False), at)

    def not_handed_out(self, assignment_id: Id, begins: datetime, at: datetime) -> None:
        """The hand-over came to nothing: the units are kept from ``begins`` as before."""
        hold = self.holds[assignment_id]
        self._change(replace(hold, begins=begins, out=False, leaving=False), at)

    def check_extension(
        self, assignment_id: Id, until: datetime, *, remaining: int | None, at: datetime
    ) -> None:
        """Raise ``ItemHeld`` or ``NotEnoughUnits`` where the units are wanted before ``until``."""
        hold = replace(self.holds[assignment_id], until=until)
        self._check_room(hold, remaining, at)

    def extend(
        self, assignment_id: Id, until: datetime, *, remaining: int | None, at: datetime
    ) -> None:
        """Keep the units longer. Raises ``ItemHeld`` or ``NotEnoughUnits``."""
        self.check_extension(assignment_id, until, remaining=remaining, at=at)
        self._change(replace(self.holds[assignment_id], until=until), at)

    def not_extended(self, assignment_id: Id, until: datetime | None, at: datetime) -> None:
        """The units are kept until ``until`` as before, unless they are back by now."""
        if assignment_id in self.holds:
            self._change(replace(self.holds[assignment_id], until=until), at)

    def come_back(self, assignment_id: Id, outstanding: int, at: datetime) -> None:
        """All but ``outstanding`` units are free again."""
        if outstanding == 0:
            self.release(assignment_id, at)
        else:
            self._change(replace(self.holds[assignment_id], quantity=outstanding), at)

    def turn_up(self, assignment_id: Id, at: datetime) -> None:
        """An asset that was gone is here: nobody is handed it before the inventory has it back.

        Whoever waits for it goes on waiting. Raises ``ItemOut`` where somebody has it.
        """
        if any(hold.out for hold in self.holds.values()):
            raise ItemOut
        self._held(
            assignment_id=assignment_id,
            quantity=1,
            begins=time_text(at),
            until=time_text(at),
            timestamp=at,
        )
        self.handed_out(assignment_id, at)

    def release(self, assignment_id: Id, at: datetime) -> None:
        """Free an assignment's units; without a hold there is nothing to do."""
        if assignment_id in self.holds:
            self._released(assignment_id=assignment_id, timestamp=at)

    def hand_on(self, assignment_id: Id, successor_id: Id, at: datetime) -> None:
        """The units that are out go from one assignment to another."""
        hold = self.holds[assignment_id]
        self.release(assignment_id, at)
        self._held(
            assignment_id=successor_id,
            quantity=hold.quantity,
            begins=time_text(at),
            until=optional_time_text(hold.until),
            timestamp=at,
        )
        self.handed_out(successor_id, at)

    @property
    def out_with(self) -> list[Id]:
        """The assignments whose units have left the store; of an asset also one that is to."""
        return [id for id, hold in self.holds.items() if hold.out]

    @property
    def units_out(self) -> int:
        """Units that have left the inventory's store."""
        return sum(hold.quantity for hold in self.holds.values() if hold.out)

    @property
    def _is_asset(self) -> bool:
        return self.item.kind == ASSET

    def _others(self, assignment_id: Id) -> list[Hold]:
        return [hold for id, hold in self.holds.items() if id != assignment_id]

    def _from_now(self, assignment_id: Id, at: datetime) -> Hold:
        present = self.holds[assignment_id]
        return replace(present, begins=min(present.begins, at))

    def _check_room(self, hold: Hold, remaining: int | None, at: datetime) -> None:
        taken = _most_at_once(self._others(hold.assignment_id), hold, at)
        if self._is_asset:
            if taken:
                raise ItemHeld
        elif remaining is not None and taken + hold.quantity > remaining + self.units_out:
            raise NotEnoughUnits

    def _change(self, hold: Hold, at: datetime) -> None:
        if hold == self.holds[hold.assignment_id]:
            return
        self._hold_changed(
            assignment_id=hold.assignment_id,
            quantity=hold.quantity,
            begins=time_text(hold.begins),
            until=optional_time_text(hold.until),
            out=hold.out,
            timestamp=at,
        )

    # Appliers

    def __init__(self, tenant_id: Id, item: ItemData) -> None:
        self.tenant_id = tenant_id
        self.item = Item(**item)
        self.holds: dict[Id, Hold] = {}

    @event(Held)
    def _held(
        self, assignment_id: Id, quantity: int, begins: str, until: str | None, timestamp: datetime
    ) -> None:
        self._keep(assignment_id, quantity, begins, until, out=False)

    @event(HandOverBegun)
    def _hand_over_begun(self, assignment_id: Id, begins: str, timestamp: datetime) -> None:
        hold = self.holds[assignment_id]
        leaving = replace(hold, begins=datetime.fromisoformat(begins), leaving=True)
        self.holds = {**self.holds, assignment_id: leaving}

    @event(HoldChanged)
    def _hold_changed(
        self,
        assignment_id: Id,
        quantity: int,
        begins: str,
        until: str | None,
        out: bool,
        timestamp: datetime,
    ) -> None:
        self._keep(assignment_id, quantity, begins, until, out=out)

    def _keep(
        self, assignment_id: Id, quantity: int, begins: str, until: str | None, *, out: bool
    ) -> None:
        hold = Hold(assignment_id, quantity, datetime.fromisoformat(begins), time_of(until), out)
        self.holds = {**self.holds, assignment_id: hold}

    @event(Released)
    def _released(self, assignment_id: Id, timestamp: datetime) -> None:
        self.holds = {id: hold for id, hold in self.holds.items() if id != assignment_id}


def _most_at_once(holds: Iterable[Hold], asked: Hold, at: datetime) -> int:
    """The most units that ``holds`` take at any one time of the period that is asked for."""
    end = asked.end(at)
    met = [hold for hold in holds if hold.begins < end and asked.begins < hold.end(at)]
    moments = {asked.begins, *(hold.begins for hold in met if hold.begins > asked.begins)}
    return max(
        (
            sum(hold.quantity for hold in met if hold.begins <= moment < hold.end(at))
            for moment in moments
        ),
        default=0,
    )
