"""What has happened in a history: one in which nothing goes wrong proves nothing."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from tests.builders.world import World
from tests.histories.crowd import LOUD, Crowd
from tests.histories.log import Log

NEEDED: Final = (
    *("issued", "returned", "due_date_changed", "loss_confirmed", "transfer_completed"),
    *("line_issued", "line_issue_failed"),
    *("outcome_unknown", "already_applied", "verified_not_applied", "conflict_detected"),
    *("attempt_failed", "blocked", "abandoned", "retry_ordered", "inventory_drift_detected"),
    *("inventory_units_drift_detected", "inventory_units_reasserted"),
    *(f"fault: {kind}" for kind in LOUD),
    *("wire: refused", "wire: lost", "wire: cut", "store: down"),
    *("by hand: checkin", "by hand: checkout", "by hand: set", "by hand: checkin_unit"),
    *("deaths", "workers at once"),
    *("issued: asset", "issued: accessory", "issued: consumable"),
    *("returned: asset", "returned: accessory"),
)
"""Each of these happens in any block of histories."""


def tally(world: World, log: Log, crowd: Crowd) -> Counter[str]:
    """How often what has happened."""
    found = Counter(recorded.topic.split(".")[1] for recorded in log)
    found += _named("fault", world.simulator.faults.hits)
    found += _named("wire", world.wire.hits)
    found += _named("by hand", crowd.edits)
    found["store: down"] = world.store.refusals
    found["deaths"] = sum(not process.alive for process in world.processes)
    return found


def _named(what: str, counts: Mapping[Any, int]) -> Counter[str]:
    return Counter({f"{what}: {name}": number for name, number in counts.items()})
