"""What is looked after beside the queue: late effects, and drift.

Late effects: what was given up may still have happened, because a call went on over there after
everybody had stopped waiting for it. The activity report, and the rows of units, are searched for
its name.

Drift: people change the inventory by hand. A list shows who has what; where that is not what we
say, the asset itself is read, under its lease, and where two such reads in a row show the same,
it is noted at the assignment. Nothing is changed over there.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final, Protocol

from domain.assignments.commands import DetectDrift, DriftVanished
from domain.assignments.handlers import drift_vanished
from domain.custody import outcomes
from domain.custody.commands import FindLateEffect
from domain.custody.drift import detect_drift
from domain.errors import Refused
from domain.ids import Id, id_of
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.inventory.work_queue import lease_name
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import UnexpectedForm
from infrastructure.snipe_it.reading import AssetFilter
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.plans.choice import PLANS
from workers.snipe_it_sync.plans.sight import Verdict
from workers.snipe_it_sync.ports import Lease, Leases
from workers.snipe_it_sync.turns import Turns

LATE_FOR: Final = timedelta(hours=2)
"""For so long after it was given up something is searched for."""

AT_ONCE: Final = 20
"""So many operations, and so many assets, are looked at in one round: reads are counted. The
others have their turn in the rounds that follow."""

UNREADABLE: Final = (UnexpectedForm, LookupError, ValueError)
"""What is wrong with one thing alone: the others are looked at all the same."""

EFFECTS: Final = frozenset({Verdict.APPLIED, Verdict.PARTLY, Verdict.EXCESS})

Holder = tuple[str, int]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lent:
    """An asset that we say somebody has. ``holder`` and ``external_id`` as the inventory has them.

    ``noted`` is who has it there as far as is noted: the holder, or whom a drift names. All this
    is so at the assignment's ``version``.
    """

    assignment_id: Id
    version: int
    external_id: int
    holder: Holder
    noted: Holder | None


class Records(Protocol):
    """What we say, to be compared with the inventory. It may be a moment old."""

    async def given_up(self, tenant_id: Id, within: timedelta) -> Sequence[Id]:
        """Operations that were begun and given up lately, of which no effect is known."""
        ...

    async def lent(self, tenant_id: Id) -> Sequence[Lent]:
        """Every asset that is out and not on its way."""
        ...


@dataclass(slots=True)
class Watch:
    """The watch over one tenant's inventory; it remembers what it saw in the last round."""

    tenant_id: Id
    tools: Tools
    leases: Leases
    records: Records
    _suspected: dict[Id, tuple[int, Holder | None]] = field(default_factory=dict)
    _searched: Turns = field(default_factory=Turns)
    _compared: Turns = field(default_factory=Turns)

    async def go_round(self, snipe_it: SnipeIt) -> None:
        """Look after everything once.

        Raises ``ReadFailed``, ``UnexpectedForm`` and ``InfrastructureError``: the rest is seen to
        in the next round.
        """
        await self._search_late_effects(snipe_it)
        await self._compare(snipe_it)

    async def _search_late_effects(self, snipe_it: SnipeIt) -> None:
        left = AT_ONCE
        for operation_id in self._searched.take(
            await self.records.given_up(self.tenant_id, LATE_FOR)
        ):
            operation = await self.tools.operations.load(self.tenant_id, operation_id)
            if operation is None or not _may_take_effect(operation):
                continue
            try:
                await self._search_late_effect(operation, snipe_it)
            except UNREADABLE as error:
                logger.warning("operation %s cannot be searched for: %s", operation_id, error)
            left -= 1
            if not left:
                break

    async def _search_late_effect(self, operation: InventoryOperation, snipe_it: SnipeIt) -> None:
        plan = PLANS[operation.kind]
        if not await plan.traced(operation, snipe_it):
            return
        lease = await self._lease(operation.thing, snipe_it)
        if lease is None:
            return
        try:
            at = self.tools.clock()
            sight = await plan.look(operation, snipe_it, at)
            if sight.verdict in EFFECTS:
                command = FindLateEffect(
                    operation_id=id_of(operation.id), evidence=sight.evidence, at=at
                )
                await self.tools.ask(
                    self.tenant_id, id_of(operation.id), outcomes.find_late_effect, command
                )
        except Refused as refused:
            logger.info(
                "operation %s is left for the next round: %s", id_of(operation.id), refused.code
            )
        finally:
            await lease.give_back()

    async def _compare(self, snipe_it: SnipeIt) -> None:
        lent = await self.records.lent(self.tenant_id)
        shown = await _holders(snipe_it) if lent else {}
        differing = {
            one.assignment_id: one for one in lent if shown.get(one.external_id) != one.noted
        }
        self._suspected = {id: one for id, one in self._suspected.items() if id in differing}
        for id in islice(self._compared.take(differing), AT_ONCE):
            await self._look_closer(differing[id], snipe_it)

    async def _look_closer(self, lent: Lent, snipe_it: SnipeIt) -> None:
        lease = await self._lease(f"asset:{lent.external_id}", snipe_it)
        if lease is None:
            return
        try:
            await self._compare_live(lent, snipe_it)
        except UNREADABLE as error:
            logger.warning("asset %s cannot be read: %s", lent.external_id, error)
        except Refused as refused:
            logger.info("assignment %s has moved on: %s", lent.assignment_id, refused.code)
        finally:
            await lease.give_back()

    async def _compare_live(self, lent: Lent, snipe_it: SnipeIt) -> None:
        read_at = self.tools.clock()
        asset = await snipe_it.read.asset(lent.external_id)
        holder = None if asset is None else asset.assigned_to
        actual = None if holder is None else (holder.type.value, holder.id)
        id, seen = lent.assignment_id, (lent.version, actual)
        before = self._suspected.pop(id, None)
        if actual == lent.noted:
            return
        if before != seen:
            self._suspected[id] = seen
            return
        at = self.tools.clock()
        if actual == lent.holder:
            vanished = DriftVanished(assignment_id=id, at=at)
            await self.tools.ask(self.tenant_id, id, drift_vanished, vanished)
        else:
            found = DetectDrift(
                assignment_id=id, version=lent.version, actual=actual, read_at=read_at, at=at
            )
            await self.tools.ask(self.tenant_id, id, detect_drift, found)

    async def _lease(self, thing: str, snipe_it: SnipeIt) -> Lease | None:
        """The lease of a thing on which no operation is under way."""
        lease_s = self.tools.timing.lease_s(snipe_it.connection.deadlines)
        lease = await self.leases.take(lease_name(self.tenant_id, thing), lease_s)
        if lease is not None and await self.tools.queue.waits(self.tenant_id, thing):
            await lease.give_back()
            return None
        return lease


def _may_take_effect(operation: InventoryOperation) -> bool:
    """Whether a call of it was left behind of which nobody knows what became."""
    given_up = operation.state is State.FAILED and not operation.late
    return given_up and operation.unsettled_at is not None


async def _holders(snipe_it: SnipeIt) -> dict[int, Holder]:
    """Who has which asset, as one list shows it."""
    found: dict[int, Holder] = {}
    async for asset in snipe_it.read.assets(AssetFilter(status="Deployed")):
        if asset.assigned_to is not None:
            found[asset.id] = (asset.assigned_to.type.value, asset.assigned_to.id)
    return found
