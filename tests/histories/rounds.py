"""The watch over a world's inventory, with records read from its log."""

from collections.abc import Sequence
from datetime import timedelta

from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET
from domain.ids import Id, id_of
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from tests.builders.world import Process, World, lent
from tests.histories.cast import number_of
from tests.histories.judge import OUT
from tests.histories.log import Log
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.watch import Lent, Watch


class LogRecords:
    """``workers.snipe_it_sync.watch.Records``, never a moment old."""

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

    def _number(self, assignment: Assignment) -> int:
        item = assignment.item
        return self._world.facts.items[item.kind, item.id].external_id


def watch_of(world: World, log: Log) -> Watch:
    """A watch that remembers its rounds, in a process of its own."""
    process: Process = world.start_worker()
    tools = Tools(process, process.ask, world.queue, world.circuits, world.clock, world.timing)
    return Watch(world.tenant_id, tools, process, LogRecords(world, log))
