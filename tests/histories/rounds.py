"""The watch over a world's inventory, with records read from its log."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET
from domain.ids import Id, id_of
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.errors import InfrastructureError
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from tests.builders.world import World, lent, units_are_out
from tests.histories.cast import number_of
from tests.histories.judge import OUT
from tests.histories.log import Log
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.lookout import Lent
from workers.snipe_it_sync.watch import Watch


class LogRecords:
    """``workers.snipe_it_sync.lookout.Records``, never a moment old."""

    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log

    async def given_up(self, tenant_id: Id, within: timedelta) -> Sequence[Id]:
        return [
            id_of(one.id)
            for one in self._log.all_of(InventoryOperation)
            if (one.tenant_id, one.state) == (tenant_id, State.FAILED)
            and one.attempts
            and not one.late
            and self._world.clock() - one.modified_on < within
        ]

    async def lent(self, tenant_id: Id) -> Sequence[Lent]:
        return [
            lent(one, self._number(one), (one.custodian.kind, number_of(one.custodian)))
            for one in self._log.all_of(Assignment)
            if (one.tenant_id, one.item.kind) == (tenant_id, ASSET)
            and one.standing.state.value in OUT
            and not one.standing.pending
        ]

    async def units_lent(self, tenant_id: Id) -> dict[int, list[Id]]:
        lent: dict[int, list[Id]] = {}
        for one in self._log.all_of(Assignment):
            if one.tenant_id == tenant_id and units_are_out(one):
                lent.setdefault(self._number(one), []).append(id_of(one.id))
        return lent

    def _number(self, assignment: Assignment) -> int:
        item = assignment.item
        return self._world.facts.items[item.kind, item.id].external_id


class Rounds:
    """The rounds of a watch: it remembers them for as long as its process lives."""

    def __init__(self, world: World, log: Log) -> None:
        self._world = world
        self._log = log
        self._begin()

    async def go(self) -> None:
        """Go round once. Trouble leaves the rest to the next round, as in a real process."""
        if not self._process.alive:
            self._begin()
        with suppress(ReadFailed, UnexpectedForm, InfrastructureError, asyncio.CancelledError):
            await self._watch.go_round(self._world.snipe_it)

    def _begin(self) -> None:
        world = self._world
        process = self._process = world.start_worker()
        tools = Tools(process, process.ask, world.queue, world.circuits, world.clock, world.timing)
        self._watch = Watch(world.tenant_id, tools, process, LogRecords(world, self._log))
