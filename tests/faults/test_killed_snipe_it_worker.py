"""kill -9 of the sync worker at every point: what was asked for happens once, and is proven."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from domain.inventory_operations.events import ItemData, TargetData
from domain.inventory_operations.kinds import Kind
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.crash_points import CrashPoint
from infrastructure.ids import derived_id
from tests.builders.operations import requested
from tests.faults.checks import (
    ask,
    assert_tables_equal_a_fresh_replay,
    wait_until_projected,
)
from tests.faults.inventory import Inventory, serving
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes, eventually

POINTS = [point for point in CrashPoint if point.startswith("sync_")]
CHECKOUT = "/api/v1/hardware/.*/checkout"
BEN = ("user", 3)


@pytest.fixture
def inventory(database: Database, processes: Processes) -> Iterator[Inventory]:
    with serving(database, processes) as found:
        yield found


def check_out(asset: int = 1, to: int = 3) -> InventoryOperation:
    return requested(
        Kind.CHECKOUT,
        item=ItemData(kind="asset", id=derived_id("test", str(asset)), external_id=asset),
        target=TargetData(kind="user", id=derived_id("test", "user", str(to)), external_id=to),
        at=datetime.now(UTC),
    )


def check_in(asset: int = 1, by: int = 3) -> InventoryOperation:
    return requested(
        Kind.CHECKIN,
        purpose="return",
        item=ItemData(kind="asset", id=derived_id("test", str(asset)), external_id=asset),
        target=TargetData(kind="user", id=derived_id("test", "user", str(by)), external_id=by),
        wanted={"status_id": None, "location_id": None},
        at=datetime.now(UTC),
    )


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker(inventory: Inventory, processes: Processes, point: CrashPoint) -> None:
    (id,) = inventory.request(check_out())
    doomed = inventory.worker(QM_CRASH_AT=point.value)
    doomed.wait_until_killed()
    inventory.worker()

    inventory.wait_for(id, "synced")
    assert inventory.holder(1) == BEN
    assert inventory.effects(id) == 1
    eventually(
        lambda: ask(inventory.database, "SELECT FROM inventory.work") == [], "an empty queue"
    )
    processes.start("projector")
    wait_until_projected(inventory.database)
    assert_tables_equal_a_fresh_replay(inventory.database)


def test_two_workers_do_everything_once(inventory: Inventory) -> None:
    inventory.worker()
    inventory.worker()
    assets = (1, 2, 3, 4, 5, 7, 8, 9)
    out = inventory.request(*[check_out(asset) for asset in assets])
    back = inventory.request(*[check_in(asset) for asset in assets])

    for id in (*out, *back):
        inventory.wait_for(id, "synced")
    assert [inventory.effects(id) for id in (*out, *back)] == [1] * 16
    assert {inventory.holder(asset) for asset in assets} == {(None, None)}


def test_a_paused_worker_that_wakes_up_writes_nothing(inventory: Inventory) -> None:
    # The first read takes its time: that is where the worker is stopped.
    inventory.order("slow_answer", method="GET", path="/api/v1/hardware/1", seconds=0.6)
    (id,) = inventory.request(check_out())
    paused = inventory.worker()
    eventually(lambda: "attempt_started" in inventory.happened(id), "an attempt")
    paused.signal(signal.SIGSTOP)
    other = inventory.worker()
    inventory.wait_for(id, "synced")
    assert other.is_running
    inventory.by_hand(do="checkin", id=1)
    checkouts = _checkouts(inventory)

    paused.signal(signal.SIGCONT)
    # Postgres may have closed its connection meanwhile: then it waits, and finds all done.
    noticed = ("left to another worker", "Fenced", "waits: ")
    eventually(lambda: any(one in paused.log for one in noticed), "the paused worker notices")
    assert _checkouts(inventory) == checkouts == 1
    assert inventory.happened(id)[-1] == "synced"
    assert inventory.holder(1) == (None, None)


def test_a_worker_that_is_told_to_stop_ends_soon_and_leaves_nothing_undone(
    inventory: Inventory,
) -> None:
    inventory.order("slow", method="POST", path=CHECKOUT, seconds=0.5)
    (id,) = inventory.request(check_out())
    worker = inventory.worker()
    eventually(lambda: "attempt_started" in inventory.happened(id), "an attempt")
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait_for_exit() == os.EX_OK
    assert time.monotonic() - began < 5
    inventory.worker()
    inventory.wait_for(id, "synced")
    assert inventory.effects(id) == 1


def _checkouts(inventory: Inventory) -> int:
    return sum(
        call.method == "POST" and call.path.endswith("/checkout")
        for call in inventory.simulator.seen
    )
