"""Whatever people, faults, hand edits and dying workers do: no screen claims what was not so.

Every history depends on its seed alone; a failure names it, and it can be played again:
``pytest tests/histories -k "<block>"`` or ``play(seed)``.
"""

import asyncio
import os
import random
from collections import Counter
from typing import Final

import pytest

from domain.assignments.content import ASSET
from domain.errors import Refused
from domain.ids import id_of
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.crash_points import CrashPoint
from tests.builders.world import Process, World, run
from tests.histories.cast import ASSETS, asset_number, item, ours
from tests.histories.crowd import Crowd
from tests.histories.ending import (
    disagreements,
    held_by_mistake,
    sent_more_than_once,
    too_many_units,
    unfinished,
    units_astray,
)
from tests.histories.judge import Judge
from tests.histories.log import Log
from tests.histories.rounds import Rounds
from tests.histories.tally import NEEDED, tally
from tests.histories.truth import Truth, watched
from workers.snipe_it_sync import attempt, worker

HISTORIES: Final = int(os.environ.get("QM_HISTORIES", "100"))
"""So many are played; ``make histories`` plays thousands."""

BLOCK: Final = 50
MINUTES: Final = 5
DEATH: Final = 0.02
"""Chance that a worker dies at a point between two steps."""
POLL_S: Final = worker.POLL_S
UNHURRIED_S: Final = 15.0
"""So often workers look once it is calm: most of their looks are in vain."""


@pytest.mark.parametrize("first", range(0, HISTORIES, BLOCK))
def test_no_row_claims_what_the_inventory_did_not_hold(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: Counter[str] = Counter()
    for seed in range(first, first + BLOCK):
        try:
            happened += play(seed, monkeypatch)
        except Exception as error:
            raise AssertionError(f"history {seed}: {error!r}") from error
    missing = [name for name in NEEDED if not happened[name]]
    assert not missing, f"these histories were too quiet: {missing}"


def play(seed: int, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """One history: minutes of trouble, then calm, then judgement. Returns what has happened."""

    async def history(world: World) -> Counter[str]:
        chance = random.Random(seed)
        deaths = Deaths(world, chance)
        monkeypatch.setattr(attempt, "reach", deaths.reach)
        monkeypatch.setattr(worker, "POLL_S", POLL_S)
        log = Log(world)
        with watched(world) as truth:
            crowd = Crowd(world, log, chance)
            world.start_worker()
            await crowd.live(MINUTES * 60, by_hand=seed % 4 != 0)
            monkeypatch.setattr(attempt, "reach", lambda _point: None)
            monkeypatch.setattr(worker, "POLL_S", UNHURRIED_S)
            crowd.calm()
            await _come_to_rest(world, crowd, log)
            judge = Judge(truth, ours)
            judge.hear(log)
        _check_ending(world, crowd, log, truth, judge)
        return tally(world, log, crowd) + judge.moved + deaths.seen

    return run(
        history,
        seed,
        before_write_s=0.02,
        between_writes_s=0.01,
        answer_after_s=0.04,
        jitter=0.5,
    )


class Deaths:
    """Workers die at any point between two steps. ``seen`` counts the points where two were busy."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self._world = world
        self._chance = chance
        self.seen: Counter[str] = Counter()

    def reach(self, _point: CrashPoint) -> None:
        """Let the worker that gets there die, perhaps."""
        busy = [one for one in self._world.processes if one.alive and one.worker.running]
        self.seen["workers at once"] += len(busy) > 1
        if self._chance.random() >= DEATH:
            return
        task = asyncio.current_task()
        process: Process = next(one for one in busy if task in one.worker.running)
        process.kill()
        raise asyncio.CancelledError


def _check_ending(world: World, crowd: Crowd, log: Log, truth: Truth, judge: Judge) -> None:
    operations = log.all_of(InventoryOperation)
    asked = {
        id_of(one.id): 1 + world.told(id_of(one.id)).count("retry_ordered")
        for one in operations
        if one.kind is Kind.CHECKOUT
    }
    wanted = {
        id_of(one.id): int(one.wanted["quantity"])
        for one in operations
        if one.kind is Kind.QUANTITY_CHECKOUT
    }
    rows = judge.assignments
    wrong = [
        *sent_more_than_once(world.simulator, asked),
        *too_many_units(truth, wanted),
        *unfinished(rows),
        *disagreements(rows, ours, lambda row: world.holder(asset_number(row))),
        *judge.lines_behind(),
        *units_astray(judge, ours),
    ]
    if not crowd.edits:
        held = {item(ASSET, one).id: world.holder(one) for one in ASSETS}
        wrong += held_by_mistake(rows, ours, {id: one for id, one in held.items() if one})
    assert not wrong, "\n".join(wrong)


async def _come_to_rest(world: World, crowd: Crowd, log: Log) -> None:
    """Let the workers finish, the watch go round, and people decide what only they can."""
    rounds = Rounds(world, log)
    for _ in range(40):
        await world.settle(within_s=48 * 3600)
        for _ in range(3):
            await rounds.go()
            await asyncio.sleep(100)
        waiting = [one for one in crowd.operations() if one.state is State.NEEDS_ATTENTION]
        if not waiting and not world.queue.rows:
            return
        for operation in waiting:
            try:
                await crowd.decide(operation)
            except Refused:
                continue
    raise AssertionError("it does not come to rest")
