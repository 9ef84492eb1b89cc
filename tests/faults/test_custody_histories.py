"""Short histories of several labs at once: people, faults, hand edits, and workers that die.

What people and servers do depends on a seed, which a failure names; what the processes make of it
depends on the machine as well. The same in virtual time, by the thousand: ``tests/histories``.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

import pytest

from demo.snipe_it_simulator.faults import Kind
from demo.snipe_it_simulator.hand_edits import BY_HAND
from infrastructure.crash_points import CrashPoint
from tests.faults.checks import ask, assert_tables_equal_a_fresh_replay, wait_until_projected
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Process, Processes, eventually
from tests.flows.custody import (
    Inventory,
    Lab,
    System,
    inventory_of,
    open_inventories,
    open_lab,
    running_system,
)
from tests.flows.custody_crowd import ALWAYS, LATEST_S, Crowd
from tests.histories.ending import disagreements, unfinished, units_astray

HISTORIES: Final = 24
AT_ONCE: Final = 8
TROUBLE_S: Final = 12.0
ACTS: Final = 30
REST_WITHIN_S: Final = 90.0
WORKERS: Final = 3
DEATH: Final = 0.005
"""Chance that one is killed within a tenth of a second, wherever it is just then."""
DOUBTS: Final = ("outcome_unknown", "conflict_detected", "verified_not_applied", "already_applied")
POINTS: Final = [point.value for point in CrashPoint if point.startswith("sync_")]

pytestmark = pytest.mark.xdist_group("custody histories")


@pytest.fixture(scope="module")
def inventories() -> Iterator[list[Inventory]]:
    """One for each history."""
    found = []
    for seed in range(HISTORIES):
        people = f"-{seed}"
        found.append(Inventory(inventory_of(people=people), people))
    with open_inventories(*found):
        yield found


@pytest.fixture(scope="module")
def system(
    inventories: list[Inventory], shared_database: Database, shared_processes: Processes
) -> Iterator[System]:
    with running_system(
        shared_database,
        shared_processes,
        inventories,
        QM_SNIPE_IT_CALL_S="2",
        QM_SNIPE_IT_LATE_S=str(LATEST_S + 5),
        QM_MIRROR_EVERY_S="60",
    ) as running:
        yield running


@pytest.mark.parametrize("first", range(0, HISTORIES, AT_ONCE))
def test_no_screen_claims_what_the_inventory_did_not_hold(
    system: System, inventories: list[Inventory], first: int
) -> None:
    seeds = range(first, first + AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE + 1) as threads:
        mortals = Mortals(system, first)
        keeper = threads.submit(mortals.keep)
        try:
            labs = list(threads.map(lambda seed: _lab(system, inventories[seed]), seeds))
            failed = [one for one in threads.map(_played, labs, seeds) if one]
            mortals.spare.set()
            _heal(labs)
            failed += [one for one in threads.map(_brought_to_rest, labs, seeds) if one]
            # The watch may find one more late effect and have it undone: somebody has to do that.
            eventually(lambda: not _work(system), "an empty queue")
        finally:
            mortals.stop.set()
        keeper.result(30)
    assert not failed, "\n".join(failed)
    assert mortals.deaths >= WORKERS, "nobody died"
    _holds(system, labs)


class Mortals:
    """Some workers at any time. They die, at a point between two steps or anywhere, until spared."""

    def __init__(self, system: System, seed: int) -> None:
        self._system = system
        self._chance = random.Random(seed)
        self._alive: list[Process] = []
        self.deaths = 0
        self.spare, self.stop = Event(), Event()

    def keep(self) -> None:
        """Start and kill until told to stop; then let nobody live."""
        while not self.stop.wait(0.1):
            self._replace_the_dead()
            if not self.spare.is_set() and self._chance.random() < DEATH:
                self._chance.choice(self._alive).kill()
        for worker in self._alive:
            worker.kill()

    def _replace_the_dead(self) -> None:
        living = [worker for worker in self._alive if worker.is_running]
        self.deaths += len(self._alive) - len(living)
        self._alive = living + [self._born() for _ in range(WORKERS - len(living))]

    def _born(self) -> Process:
        if self.spare.is_set():
            return self._system.worker()
        point, nth = self._chance.choice(POINTS), self._chance.randint(1, 12)
        return self._system.worker(QM_CRASH_AT=f"{point}:{nth}")


def _lab(system: System, inventory: Inventory) -> Lab:
    return open_lab(system, inventory, "ana", "ben")


def _played(lab: Lab, seed: int) -> str:
    try:
        Crowd(lab, seed).live(TROUBLE_S, ACTS)
    except Exception as error:  # noqa: BLE001  every history is told of with its seed
        return f"history {seed}: {error!r}"
    return ""


def _heal(labs: list[Lab]) -> None:
    for lab in labs:
        lab.inventory.heal()


def _brought_to_rest(lab: Lab, seed: int) -> str:
    crowd = Crowd(lab, seed)
    try:
        _rest(lab, crowd)
        crowd.bring_back()
        _rest(lab, crowd)
        judge = lab.judge()
        assert not unfinished(judge.assignments)
        assert not judge.lines_behind()
    except BaseException as error:  # noqa: BLE001  pytest's own failures are not Exceptions
        return f"history {seed}: {error!r}"
    return ""


def _rest(lab: Lab, crowd: Crowd) -> None:
    deadline = time.monotonic() + REST_WITHIN_S
    while crowd.decide_all() or _undetected(lab):
        assert time.monotonic() < deadline, f"no rest: {lab.open_operations()}"
        time.sleep(1)


def _undetected(lab: Lab) -> list[str]:
    judge = lab.judge()
    return [
        *disagreements(judge.assignments, lab.custodian_of, lab.holder_of),
        *units_astray(judge, lab.custodian_of),
    ]


def _work(system: System) -> object:
    """What waits for a worker, and since when on it is due."""
    return ask(system.database, "SELECT operation_id, thing, due_at FROM inventory.work")


def _holds(system: System, labs: list[Lab]) -> None:
    database = system.database
    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)
    told = Counter(one.topic.split(".")[1] for lab in labs for one in lab.log())
    assert min(told["issued"], told["returned"]) > 0, f"these histories were too quiet: {told}"
    assert any(told[doubt] for doubt in DOUBTS), f"these histories went too smoothly: {told}"
    assert told["line_issued"], f"nothing was issued for a requisition: {told}"
    simulators = [lab.inventory.simulator for lab in labs]
    hits: Counter[Kind] = sum((one.faults.hits for one in simulators), Counter())
    assert all(hits[Kind(kind)] for kind in ALWAYS), f"these faults were too few: {hits}"
    edits = [row for one in simulators for row in one.inventory.activity.values()]
    assert any(row.action_source == BY_HAND.source for row in edits), "nobody did anything by hand"
