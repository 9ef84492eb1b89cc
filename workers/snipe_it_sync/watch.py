"""What is looked after beside the queue: late effects, and drift.

People change the inventory by hand, and calls that were given up come to an end. Where two reads
of a thing in a row, under its lease, show the same that is not what we say, it is noted at the
assignment. Nothing is changed over there.
"""

from domain.ids import Id
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from workers.snipe_it_sync.asset_drift import AssetDrift
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.late_effects import LateEffects
from workers.snipe_it_sync.lookout import Lookout, Records
from workers.snipe_it_sync.ports import Leases
from workers.snipe_it_sync.units_drift import UnitsDrift


class Watch:
    """The watch over one tenant's inventory; it remembers what it saw in the last round."""

    def __init__(self, tenant_id: Id, tools: Tools, leases: Leases, records: Records) -> None:
        lookout = Lookout(tenant_id, tools, leases, records)
        self._parts = (LateEffects(lookout), AssetDrift(lookout), UnitsDrift(lookout))

    async def go_round(self, snipe_it: SnipeIt) -> None:
        """Look after everything once: what cannot be read keeps nobody from the other parts.

        Raises the first ``ReadFailed`` or ``UnexpectedForm`` of a part once all have had their
        turn, and ``InfrastructureError`` at once: the rest is seen to in the next round.
        """
        failures: list[ReadFailed | UnexpectedForm] = []
        for part in self._parts:
            try:
                await part.go_round(snipe_it)
            except (ReadFailed, UnexpectedForm) as failed:
                failures.append(failed)
        if failures:
            raise failures[0]
