"""Units of accessories and consumables, which have no identity of their own.

How many are left proves nothing: others take some, too. Each unit that is out is a row with the
note of the call that took it, so the rows whose note names the operation are counted. An
accessory's row has a number, by which it is taken back; a consumable's never comes back.
"""

from datetime import datetime

from domain.assignments.content import CONSUMABLE
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer, Done
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.writing import Target
from workers.snipe_it_sync.plans.sight import (
    Plan,
    Refusal,
    Sight,
    Untraced,
    Verdict,
    activity_of,
    evidence,
    name_of,
    number_of,
)


class CheckOutUnits:
    """Hand units to the target. ``Sight.rest`` is how many are still to be handed out."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Count the units that went out under the operation's name."""
        number = number_of(operation)
        remaining = await _remaining(operation, snipe_it)
        if remaining is None:
            return Sight(Verdict.MISSING, evidence(number, at))
        rows, out = await _units_out(operation, snipe_it)
        activity_id = await self.traced(operation, snipe_it)
        shown = evidence(number, at, rows=rows, activity_id=activity_id)
        missing = int(operation.wanted["quantity"]) - out
        verdict = _verdict(missing, out, traced=activity_id is not None)
        refusal = None
        if verdict is Verdict.OPEN and remaining < missing:
            refusal = Refusal("no_stock", f"Only {remaining} are left.")
        return Sight(verdict, shown, refusal, rest=missing)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Check out as many as are missing."""
        number, name, missing = number_of(operation), name_of(operation), int(sight.rest)
        target = operation.target
        if target is None:
            raise LookupError(f"operation {name} has nobody to hand anything to")
        if operation.item["kind"] == CONSUMABLE:
            return await snipe_it.write.check_out_consumable(
                number, target["external_id"], missing, name
            )
        to = Target(HolderType(target["kind"]), target["external_id"])
        return await snipe_it.write.check_out_accessory(number, to, missing, name)

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> int | None:
        """The thing's row of the report."""
        return await _activity(operation, snipe_it)


class CheckInUnits(Untraced):
    """Take units of an accessory back, row by row. ``Sight.rest`` are the rows still out."""

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """See which of the rows are still out."""
        number = number_of(operation)
        if await snipe_it.read.accessory(number) is None:
            return Sight(Verdict.MISSING, evidence(number, at))
        wanted = set(operation.wanted["rows"])
        out = {row.id: row.holder async for row in snipe_it.read.accessory_checkouts(number)}
        left = sorted(wanted & out.keys())
        shown = evidence(number, at, rows=left)
        if len(wanted) < int(operation.wanted["quantity"]):
            # Somebody vouched for the hand-over: which rows it made, a person has to find out.
            return Sight(Verdict.OTHER, shown)
        if not left:
            return Sight(Verdict.APPLIED, shown)
        target = operation.target
        holders = [out[row] for row in left]
        theirs = target is not None and all(
            holder is not None
            and (holder.type.value, holder.id) == (target["kind"], target["external_id"])
            for holder in holders
        )
        if not theirs:
            return Sight(Verdict.OTHER, shown)
        verdict = Verdict.OPEN if len(left) == len(wanted) else Verdict.PARTLY
        return Sight(verdict, shown, rest=left)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Check them in one after the other, up to the first that is not done."""
        answer: Answer = Done(None)
        for row in sight.rest:
            answer = await snipe_it.write.check_in_accessory(row, name_of(operation))
            if not isinstance(answer, Done):
                return answer
        return answer


QUANTITIES: dict[Kind, Plan] = {
    Kind.QUANTITY_CHECKOUT: CheckOutUnits(),
    Kind.QUANTITY_CHECKIN: CheckInUnits(),
}


def _verdict(missing: int, out: int, *, traced: bool) -> Verdict:
    if missing == 0:
        return Verdict.APPLIED
    if missing < 0 or (traced and out == 0):
        # More went out than was wanted, or what went out has come back since.
        return Verdict.OTHER
    return Verdict.PARTLY if out else Verdict.OPEN


async def _remaining(operation: InventoryOperation, snipe_it: SnipeIt) -> int | None:
    if operation.item["kind"] == CONSUMABLE:
        consumable = await snipe_it.read.consumable(number_of(operation))
        return None if consumable is None else consumable.remaining
    accessory = await snipe_it.read.accessory(number_of(operation))
    return None if accessory is None else accessory.remaining


async def _units_out(operation: InventoryOperation, snipe_it: SnipeIt) -> tuple[list[int], int]:
    """The numbered rows that name the operation, and how many units they and others make."""
    number, name = number_of(operation), name_of(operation)
    if operation.item["kind"] == CONSUMABLE:
        notes = await snipe_it.read.consumable_notes(number)
        return [], sum(name in note for note in notes)
    out = snipe_it.read.accessory_checkouts(number)
    rows = [row.id async for row in out if name in (row.note or "")]
    return rows, len(rows)


async def _activity(operation: InventoryOperation, snipe_it: SnipeIt) -> int | None:
    kind = operation.item["kind"]
    return await activity_of(kind, number_of(operation), operation, snipe_it)
