"""Drift of assets: a list shows who has what; where that is not what we say, the asset is read."""

import logging
from dataclasses import dataclass, field
from itertools import islice

from domain.assignments.commands import DetectDrift, DriftVanished
from domain.assignments.handlers import drift_vanished
from domain.custody.drift import detect_drift
from domain.errors import Refused
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.reading import AssetFilter
from workers.snipe_it_sync.lookout import AT_ONCE, UNREADABLE, Holder, Lent, Lookout
from workers.snipe_it_sync.turns import Turns
from workers.snipe_it_sync.twice import Twice

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class AssetDrift:
    """The comparison of assets; it remembers what it saw in the last round."""

    lookout: Lookout
    _suspected: Twice[tuple[int, Holder | None]] = field(default_factory=Twice)
    _compared: Turns = field(default_factory=Turns)

    async def go_round(self, snipe_it: SnipeIt) -> None:
        """Compare all, and read those that differ, some of them in this round."""
        lent = await self.lookout.records.lent(self.lookout.tenant_id)
        shown = await _holders(snipe_it) if lent else {}
        differing = {
            one.assignment_id: one for one in lent if not one.is_noted(shown.get(one.external_id))
        }
        self._suspected.keep(differing)
        for id in islice(self._compared.take(differing), AT_ONCE):
            await self._look_closer(differing[id], snipe_it)

    async def _look_closer(self, lent: Lent, snipe_it: SnipeIt) -> None:
        lease = await self.lookout.lease(f"asset:{lent.external_id}", snipe_it)
        if lease is None:
            return
        try:
            await self._compare(lent, snipe_it)
        except UNREADABLE as error:
            logger.warning("asset %s cannot be read: %s", lent.external_id, error)
        except Refused as refused:
            logger.info("assignment %s has moved on: %s", lent.assignment_id, refused.code)
        finally:
            await lease.give_back()

    async def _compare(self, lent: Lent, snipe_it: SnipeIt) -> None:
        tools, tenant_id, id = self.lookout.tools, self.lookout.tenant_id, lent.assignment_id
        read_at = tools.clock()
        asset = await snipe_it.read.asset(lent.external_id)
        holder = None if asset is None else asset.assigned_to
        actual = None if holder is None else (holder.type.value, holder.id)
        if lent.is_noted(actual):
            self._suspected.forget(id)
            return
        if not self._suspected.shows(id, (lent.version, actual)):
            return
        at = tools.clock()
        if actual == lent.holder:
            vanished = DriftVanished(assignment_id=id, at=at)
            await tools.ask(tenant_id, id, drift_vanished, vanished)
        else:
            found = DetectDrift(
                assignment_id=id, version=lent.version, actual=actual, read_at=read_at, at=at
            )
            await tools.ask(tenant_id, id, detect_drift, found)


async def _holders(snipe_it: SnipeIt) -> dict[int, Holder]:
    """Who has which asset, as one list shows it."""
    found: dict[int, Holder] = {}
    async for asset in snipe_it.read.assets(AssetFilter(status="Deployed")):
        if asset.assigned_to is not None:
            found[asset.id] = (asset.assigned_to.type.value, asset.assigned_to.id)
    return found
