"""Late effects: what was given up may have happened all the same.

A call may go on over there after everybody has stopped waiting for it. The activity report, and
the rows of units, are searched for its name.
"""

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.custody import outcomes
from domain.custody.commands import FindLateEffect
from domain.errors import Refused
from domain.ids import id_of
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.client import SnipeIt
from workers.snipe_it_sync.lookout import AT_ONCE, UNREADABLE, Lookout
from workers.snipe_it_sync.plans.choice import PLANS
from workers.snipe_it_sync.plans.sight import Verdict
from workers.snipe_it_sync.turns import Turns

LATE_FOR: Final = timedelta(hours=2)
"""For so long after it was given up something is searched for."""

EFFECTS: Final = frozenset({Verdict.APPLIED, Verdict.PARTLY, Verdict.EXCESS})

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class LateEffects:
    """The search for what was given up."""

    lookout: Lookout
    _searched: Turns = field(default_factory=Turns)

    async def go_round(self, snipe_it: SnipeIt) -> None:
        """Search for everything that was given up lately, some of it in this round."""
        lookout, left = self.lookout, AT_ONCE
        given_up = await lookout.records.given_up(lookout.tenant_id, LATE_FOR)
        for operation_id in self._searched.take(given_up):
            operation = await lookout.tools.operations.load(lookout.tenant_id, operation_id)
            if operation is None or not _may_take_effect(operation):
                continue
            try:
                await self._search(operation, snipe_it)
            except UNREADABLE as error:
                logger.warning("operation %s cannot be searched for: %s", operation_id, error)
            left -= 1
            if not left:
                break

    async def _search(self, operation: InventoryOperation, snipe_it: SnipeIt) -> None:
        plan, tools, id = PLANS[operation.kind], self.lookout.tools, id_of(operation.id)
        if not await plan.traced(operation, snipe_it):
            return
        lease = await self.lookout.lease(operation.thing, snipe_it)
        if lease is None:
            return
        try:
            at = tools.clock()
            sight = await plan.look(operation, snipe_it, at)
            if sight.verdict in EFFECTS:
                command = FindLateEffect(operation_id=id, evidence=sight.evidence, at=at)
                await tools.ask(self.lookout.tenant_id, id, outcomes.find_late_effect, command)
        except Refused as refused:
            logger.info("operation %s is left for the next round: %s", id, refused.code)
        finally:
            await lease.give_back()


def _may_take_effect(operation: InventoryOperation) -> bool:
    """Whether a call of it was left behind of which nobody knows what became."""
    given_up = operation.state is State.FAILED and not operation.late
    return given_up and operation.unsettled_at is not None
