"""Units of accessories and consumables, which have no identity of their own.

How many are left proves nothing: others take some, too. Each unit that is out is a row with the
note of the call that took it, so the rows whose note names the operation are counted. An
accessory's row has a number, by which it is taken back, and its holder; who got a consumable
stands in the report alone, and it never comes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from domain.assignments.content import CONSUMABLE, EXTERNAL_RETURN
from domain.inventory_operations.events import TargetData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.snipe_it.answers import Answer, Done
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.records import Activity, CheckedOutRow, HolderType
from infrastructure.snipe_it.writing import Target
from workers.snipe_it_sync.plans.sight import (
    NOT_BACK,
    Plan,
    Refusal,
    Sight,
    Untraced,
    Verdict,
    evidence,
    name_of,
    number_of,
)

Holder = tuple[str, int]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit that is out; ``holder`` None where that is not told."""

    holder: Holder | None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What bears one operation's name: units that are out, and rows of the activity report."""

    units: list[_Unit]
    report: list[Activity]


class CheckOutUnits:
    """Hand units to the target. ``Sight.rest`` is how many are still to be handed out.

    Units that went out to the target under an earlier operation, which was given up, count where
    they are needed, and so do those that were missed and are with the target all the same.
    """

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """Count the units that went out under the operation's name, and see who has them."""
        number, wanted = number_of(operation), int(operation.wanted["quantity"])
        target = _target_of(operation)
        remaining = await _remaining(operation, snipe_it)
        if remaining is None:
            return Sight(Verdict.MISSING, evidence(number, at))
        own, *earlier = await _found(operation, snipe_it)
        to = (target["kind"], target["external_id"])
        theirs = [unit for one in earlier for unit in one.units if unit.holder == to]
        units = [*own.units, *theirs][: max(wanted, len(own.units))]
        holder = _the_same(unit.holder for unit in units)
        told = [row.id for one in (own, *earlier) for row in one.report]
        shown = evidence(
            number,
            at,
            holder=holder,
            rows=[unit.row for unit in units if unit.row is not None],
            activity_id=max(told, default=None),
        )
        missing = wanted - len(units)
        if units:
            verdict = _verdict(missing) if holder == to else Verdict.OTHER
            return Sight(verdict, shown, rest=missing)
        if own.report:
            # What went out has come back since.
            return Sight(Verdict.OTHER, shown)
        refusal = _refusal(operation, remaining)
        return Sight(Verdict.OPEN, shown, refusal, rest=missing, spare=remaining - missing)

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Check out as many as are missing."""
        number, name, missing = number_of(operation), name_of(operation), int(sight.rest)
        target = _target_of(operation)
        to = Target(HolderType(target["kind"]), target["external_id"])
        if operation.item["kind"] != CONSUMABLE:
            return await snipe_it.write.check_out_accessory(number, to, missing, name)
        if to.type is not HolderType.USER:
            raise LookupError(f"operation {name} has no user to give a consumable to")
        return await snipe_it.write.check_out_consumable(number, to.id, missing, name)

    async def traced(self, operation: InventoryOperation, snipe_it: SnipeIt) -> bool:
        """Whether a unit that is out, or a row of the report, bears its name."""
        own, *_ = await _found(operation, snipe_it)
        return bool(own.units or own.report)


class CheckInUnits(Untraced):
    """Take units of an accessory back, row by row. ``Sight.rest`` are the rows still out.

    For a return that others made over there it is only seen whether none of them is out.
    """

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """See which of the rows are still out."""
        number = number_of(operation)
        if await snipe_it.read.accessory(number) is None:
            return Sight(Verdict.MISSING, evidence(number, at))
        wanted = set(operation.wanted["rows"])
        out = {row.id: row.holder for row in await snipe_it.read.accessory_checkouts(number)}
        left = sorted(wanted & out.keys())
        shown = evidence(number, at, rows=left)
        if len(wanted) < int(operation.wanted["quantity"]):
            # Somebody vouched for the hand-over: which rows it made, a person has to find out.
            return Sight(Verdict.OTHER, shown)
        if not left:
            return Sight(Verdict.APPLIED, shown)
        if operation.purpose == EXTERNAL_RETURN:
            return Sight(Verdict.OPEN, shown, NOT_BACK)
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


class WriteOffUnits(Untraced):
    """See that units which did not come back are no longer with the target.

    A check-in alone would have them in the store again, and the call that lowers the stock was
    never recorded: a person does both.
    """

    async def look(self, operation: InventoryOperation, snipe_it: SnipeIt, at: datetime) -> Sight:
        """See which of the rows are still out."""
        sight = await CheckInUnits().look(operation, snipe_it, at)
        if sight.verdict in (Verdict.OPEN, Verdict.PARTLY):
            return replace(sight, verdict=Verdict.BY_HAND)
        return sight

    async def write(self, operation: InventoryOperation, sight: Sight, snipe_it: SnipeIt) -> Answer:
        """Raise ``LookupError``: nothing is sent."""
        raise LookupError(f"operation {name_of(operation)} is for a person to carry out")


QUANTITIES: dict[Kind, Plan] = {
    Kind.QUANTITY_CHECKOUT: CheckOutUnits(),
    Kind.QUANTITY_CHECKIN: CheckInUnits(),
    Kind.QUANTITY_WRITE_OFF: WriteOffUnits(),
}


def _verdict(missing: int) -> Verdict:
    if missing < 0:
        return Verdict.EXCESS
    return Verdict.PARTLY if missing else Verdict.APPLIED


def _refusal(operation: InventoryOperation, remaining: int) -> Refusal | None:
    if operation.item["kind"] == CONSUMABLE and _target_of(operation)["kind"] != HolderType.USER:
        return Refusal("invalid_target", "A consumable is given to a user alone.")
    if remaining < int(operation.wanted["quantity"]):
        return Refusal("no_stock", f"Only {remaining} are left.")
    return None


def _target_of(operation: InventoryOperation) -> TargetData:
    if operation.target is None:
        raise LookupError(f"operation {name_of(operation)} has nobody to hand anything to")
    return operation.target


async def _remaining(operation: InventoryOperation, snipe_it: SnipeIt) -> int | None:
    if operation.item["kind"] == CONSUMABLE:
        consumable = await snipe_it.read.consumable(number_of(operation))
        return None if consumable is None else consumable.remaining
    accessory = await snipe_it.read.accessory(number_of(operation))
    return None if accessory is None else accessory.remaining


async def _found(operation: InventoryOperation, snipe_it: SnipeIt) -> list[_Found]:
    """What bears the operation's name; then what counts as well, if it is with the target."""
    wanted, kind, number = operation.wanted, operation.item["kind"], number_of(operation)
    names = (name_of(operation), *wanted.get("earlier", ()))
    reports = [
        [told async for told in snipe_it.read.activity_of(kind, number, name)] for name in names
    ]
    if kind == CONSUMABLE:
        notes = await snipe_it.read.consumable_notes(number)
        return [
            _Found([_Unit(_receiver(report)) for note in notes if name in note], report)
            for name, report in zip(names, reports, strict=True)
        ]
    rows = await snipe_it.read.accessory_checkouts(number)
    missed = [_unit(row) for row in rows if row.id in wanted.get("missed", ())]
    named = [
        _Found([_unit(row) for row in rows if name in (row.note or "")], report)
        for name, report in zip(names, reports, strict=True)
    ]
    return [*named, _Found(missed, [])]


def _unit(row: CheckedOutRow) -> _Unit:
    holder = row.holder
    return _Unit(None if holder is None else (holder.type.value, holder.id), row.id)


def _receiver(report: Iterable[Activity]) -> Holder | None:
    """Who got all that the report tells of."""
    return _the_same(
        None if told.target is None else (told.target.type, told.target.id) for told in report
    )


def _the_same(holders: Iterable[Holder | None]) -> Holder | None:
    """The one whom all of these are; None where they are not one."""
    found = set(holders)
    return found.pop() if len(found) == 1 else None
