"""Maintenances of an asset. They leave no row of the report: their notes name the operation."""

from datetime import datetime

from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer
from infrastructure.snipe_it.client import SnipeIt
from workers.snipe_it_sync.plans.sight import (
    Plan,
    Sight,
    Untraced,
    Verdict,
    date_of,
    evidence,
    name_of,
    number_of,
)


class OpenMaintenance(Untraced):
    """Begin a maintenance. The evidence's only row is the maintenance."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Search the asset's maintenances."""
        number, name = number_of(operation), name_of(operation)
        if await snipe_it.read.asset(number) is None:
            return Sight(Verdict.MISSING, evidence(number, at))
        found = [
            one.id async for one in snipe_it.read.maintenances(number) if name in (one.notes or "")
        ]
        verdicts = {0: Verdict.OPEN, 1: Verdict.APPLIED}
        return Sight(
            verdicts.get(len(found), Verdict.OTHER), evidence(number, at, rows=sorted(found))
        )

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Add it."""
        wanted, began = operation.wanted, date_of(operation.wanted["started_on"])
        if began is None:
            raise LookupError(f"operation {name_of(operation)} does not say when it begins")
        return await snipe_it.write.open_maintenance(
            number_of(operation),
            wanted["supplier_id"],
            wanted["type"],
            wanted["title"],
            began,
            name_of(operation),
        )


class CloseMaintenance(Untraced):
    """End a maintenance."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Read the maintenance."""
        maintenance_id = operation.wanted["maintenance_id"]
        maintenance = await snipe_it.read.maintenance(maintenance_id)
        shown = evidence(number_of(operation), at, rows=[maintenance_id])
        if maintenance is None:
            return Sight(Verdict.MISSING, shown)
        over = maintenance.completed_on is not None
        return Sight(Verdict.APPLIED if over else Verdict.OPEN, shown)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Give it its last day."""
        wanted, over = operation.wanted, date_of(operation.wanted["completed_on"])
        if over is None:
            raise LookupError(f"operation {name_of(operation)} does not say when it ends")
        return await snipe_it.write.close_maintenance(
            wanted["maintenance_id"], over, name_of(operation), cost=wanted.get("cost")
        )


MAINTENANCES: dict[Kind, Plan] = {
    Kind.MAINTENANCE_OPEN: OpenMaintenance(),
    Kind.MAINTENANCE_CLOSE: CloseMaintenance(),
}
