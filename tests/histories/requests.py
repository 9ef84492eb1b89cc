"""What people ask for in a history: approved requisitions, and what is done about their lines."""

import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from domain.assignments.content import ASSET, CONSUMABLE
from domain.assignments.content import Item as Thing
from domain.caller import Caller
from domain.custody import allocation
from domain.ids import Id, id_of
from domain.requisitions import commands, handlers
from domain.requisitions.content import Item, Line
from domain.requisitions.requisition import Requisition
from tests.builders.people import REQUESTER
from tests.builders.requisitions import MODEL, approved_for_inventory
from tests.histories.cast import ASSETS, COUNTED, LivingDesk, item, whoever_may_have

OPEN_AT_ONCE: Final = 4


class Requests:
    """The requisitions of a history. ``assignments`` takes in what is kept for their lines."""

    def __init__(self, desk: LivingDesk, chance: random.Random, assignments: list[Id]) -> None:
        self._desk = desk
        self._chance = chance
        self._ids: list[Id] = []
        self._assignments = assignments

    async def act(self, by: Caller) -> None:
        """One thing, of those that are done about requisitions."""
        if len(self._ids) < OPEN_AT_ONCE:
            await self._ask()
        acts: tuple[Callable[[Requisition, Caller], Awaitable[Any]], ...] = (
            *(self._allocate for _ in range(12)),
            self._deallocate,
            self._close_short,
            self._cancel,
        )
        id = self._chance.choice(self._ids)
        await self._chance.choice(acts)(await self._desk.store.load(Requisition, id), by)

    async def _ask(self) -> None:
        """A new requisition, approved as soon as it is asked for."""
        model = Line(self._desk.new_id("line"), Item("model", MODEL), self._chance.randint(1, 3))
        counted = [
            Line(self._desk.new_id("line"), Item(kind, item(kind, number).id), 4)
            for kind, number in COUNTED
        ]
        id = self._desk.new_id("requisition")
        requisition = approved_for_inventory(model, *counted, id=id)
        await self._desk.store.save(requisition)
        self._ids.append(id)

    async def _allocate(self, requisition: Requisition, by: Caller) -> None:
        line = self._chance.choice(list(requisition.lines.values()))
        thing, quantity = self._thing_for(line)
        assignment_id = self._desk.new_id()
        who = self._chance.choice(whoever_may_have(thing))
        command = commands.AllocateLine(
            requisition_id=id_of(requisition.id),
            line_id=line.line_id,
            assignment_id=assignment_id,
            item_kind=thing.kind,
            item_id=thing.id,
            quantity=quantity,
            begins=self._desk.at,
            due=None if thing.kind == CONSUMABLE else self._desk.at + timedelta(days=5),
            custodian=(who.kind, who.id),
            by=by,
            at=self._desk.at,
        )
        await self._desk.give(allocation.allocate, command)
        self._assignments.append(assignment_id)

    def _thing_for(self, line: Line) -> tuple[Thing, int]:
        if line.item.kind == "model":
            return item(ASSET, self._chance.choice(ASSETS)), 1
        return Thing(line.item.kind, line.item.id or ""), self._chance.randint(1, 3)

    async def _deallocate(self, requisition: Requisition, by: Caller) -> None:
        if not requisition.held:
            return
        assignment_id = self._chance.choice(requisition.held)
        command = commands.DeallocateLine(
            requisition_id=id_of(requisition.id),
            line_id=requisition.allocations[assignment_id].line_id,
            assignment_id=assignment_id,
            reason="Others need it more",
            by=by,
            at=self._desk.at,
        )
        await self._desk.give(allocation.deallocate, command)

    async def _close_short(self, requisition: Requisition, by: Caller) -> None:
        command = commands.CloseLineShort(
            requisition_id=id_of(requisition.id),
            line_id=self._chance.choice(list(requisition.lines)),
            quantity=1,
            reason="There are no more",
            by=by,
            at=self._desk.at,
        )
        await self._desk.give(handlers.close_short, command)

    async def _cancel(self, requisition: Requisition, _by: Caller) -> None:
        command = commands.CancelRequisition(
            requisition_id=id_of(requisition.id),
            reason="Not needed",
            by=REQUESTER,
            at=self._desk.at,
        )
        await self._desk.give(allocation.cancel, command)
        self._ids.remove(id_of(requisition.id))
