"""What must hold once a history has come to rest."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from demo.snipe_it_simulator.simulator import Simulator
from domain.assignments.content import ACCESSORY, ASSET
from domain.ids import Id
from infrastructure.projection_rows import Row
from tests.histories.judge import OUT, Judge, Ours
from tests.histories.truth import NEVER, Holder, Truth

HolderOf = Callable[[Row], Holder | None]
"""Who has the asset of an assignment's row."""


def sent_more_than_once(simulator: Simulator, asked: Mapping[Id, int]) -> list[str]:
    """Operations that took effect more often than somebody has ``asked`` for them."""
    effects = Counter(
        row.note for row in simulator.inventory.activity.values() if row.note is not None
    )
    found = []
    for id, times in asked.items():
        took_effect = sum(number for note, number in effects.items() if id in note)
        if took_effect > times:
            found.append(f"{id}: {took_effect} effects, asked for {times} times")
    return found


def too_many_units(truth: Truth, wanted: Mapping[Id, int]) -> list[str]:
    """Hand-overs of units under whose name more were out at once than were ``wanted``."""
    found = []
    for id, quantity in wanted.items():
        units = truth.units(id)
        most = max(
            (sum(one.is_out(at.since, at.since) for one in units) for at in units), default=0
        )
        if most > quantity:
            found.append(f"{id}: {most} units out, {quantity} wanted")
    return found


def disagreements(rows: Sequence[Row], ours: Ours, actual: HolderOf) -> list[str]:
    """Assignments that say somebody has an asset whom the inventory does not name, undetected."""
    return [
        f"{row['id']} {row['state']}: we say {ours(row)}, it is {actual(row)}"
        for row in rows
        if row["item_kind"] == ASSET
        and _is_said_to_be_out(row)
        and row["drift"] is None
        and actual(row) != ours(row)
    ]


def held_by_mistake(rows: Sequence[Row], ours: Ours, holders: Mapping[Id, Holder]) -> list[str]:
    """Assets that the inventory says somebody has, for no reason of ours, by our ids.

    Only where nobody has done anything in the inventory's own screens.
    """
    reasons = {
        (row["item_id"], ours(row))
        for row in rows
        if row["outstanding"] > 0 or row["pending"] or row["outcome"] == "lost"
    }
    return [
        f"{item_id} is with {holder}"
        for item_id, holder in holders.items()
        if (item_id, holder) not in reasons
    ]


def units_astray(judge: Judge, ours: Ours) -> list[str]:
    """Assignments of accessories of which other units are out than they say, undetected."""
    found = []
    for row in judge.assignments:
        units = judge.units_of(row["id"])
        if row["item_kind"] != ACCESSORY or row["pending"]:
            continue
        said = row["outstanding"] - _noted_with_nobody(row)
        out = [unit.holder for unit in units if unit.until == NEVER]
        if out != [ours(row)] * said:
            found.append(f"{row['id']} {row['state']}: we say {said}, it is {out}")
    return found


def _noted_with_nobody(row: Row) -> int:
    """So many units are with nobody, as far as is noted: all, where that is not about units."""
    drift = row["drift"]
    return 0 if drift is None else drift.get("units") or row["outstanding"]


def unfinished(rows: Sequence[Row]) -> list[str]:
    """Assignments on their way, with nothing under way for them."""
    return [
        f"{row['id']} {row['state']}"
        for row in rows
        if row["state"] in ("issuing", "returning", "transferring") and not row["pending"]
    ]


def _is_said_to_be_out(row: Row) -> bool:
    return row["state"] in OUT and not row["pending"]
