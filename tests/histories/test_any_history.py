"""Whatever people, faults, hand edits and dying workers do: no screen claims what was not so.

Every history depends on its seed alone; a failure names it, and it can be played again:
``pytest tests/histories -k "<block>"`` or ``play(seed)``.
"""

import asyncio
import os
import random
from typing import Final

import pytest

from domain.errors import Refused
from domain.ids import id_of
from domain.inventory_operations.kinds import Kind, State
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.crash_points import CrashPoint
from tests.builders.world import Process, World, run
from tests.histories.crowd import Crowd, asset_number, ours
from tests.histories.judge import Judge, Log, disagreements, sent_more_than_once, unfinished
from tests.histories.rounds import watch_of
from tests.histories.truth import watched
from workers.snipe_it_sync import attempt

HISTORIES: Final = int(os.environ.get("QM_HISTORIES", "200"))
"""So many are played; ``make histories`` plays thousands."""

BLOCK: Final = 50
MINUTES: Final = 5
DEATH: Final = 0.02
"""Chance that a worker dies at a point between two steps."""


@pytest.mark.parametrize("first", range(0, HISTORIES, BLOCK))
def test_no_row_claims_what_the_inventory_did_not_hold(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(first, first + BLOCK):
        try:
            play(seed, monkeypatch)
        except Exception as error:
            raise AssertionError(f"history {seed}: {error}") from error


def play(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One history: minutes of trouble, then calm, then judgement."""

    async def history(world: World) -> None:
        chance = random.Random(seed)
        monkeypatch.setattr(attempt, "reach", lambda point: _die_perhaps(world, chance, point))
        log = Log(world)
        with watched(world) as truth:
            crowd = Crowd(world, log, chance)
            world.start_worker()
            await crowd.live(MINUTES * 60)
            monkeypatch.setattr(attempt, "reach", lambda _point: None)
            crowd.calm()
            await _come_to_rest(world, crowd, log)
            judge = Judge(truth, ours)
            judge.hear(log)
        checkouts = [
            id_of(one.id) for one in log.all_of(InventoryOperation) if one.kind is Kind.CHECKOUT
        ]
        asked = {id: 1 + world.told(id).count("retry_ordered") for id in checkouts}
        assert not sent_more_than_once(world.simulator, asked)
        assert not unfinished(judge.assignments)
        assert not disagreements(
            judge.assignments, ours, lambda row: world.holder(asset_number(row))
        )

    run(
        history,
        seed,
        before_write_s=0.02,
        between_writes_s=0.01,
        answer_after_s=0.04,
        jitter=0.5,
    )


def _die_perhaps(world: World, chance: random.Random, _point: CrashPoint) -> None:
    if chance.random() >= DEATH:
        return
    task = asyncio.current_task()
    process: Process = next(one for one in world.processes if task in one.worker.running)
    process.kill()
    raise asyncio.CancelledError


async def _come_to_rest(world: World, crowd: Crowd, log: Log) -> None:
    """Let the workers finish, the watch go round, and people decide what only they can."""
    watch = watch_of(world, log)
    for _ in range(40):
        await world.settle(within_s=48 * 3600)
        for _ in range(3):
            await watch.go_round(world.snipe_it)
            await asyncio.sleep(300)
        waiting = [one for one in crowd.operations() if one.state is State.NEEDS_ATTENTION]
        if not waiting and not world.queue.rows:
            return
        for operation in waiting:
            try:
                await crowd.decide(operation)
            except Refused:
                continue
    raise AssertionError("it does not come to rest")
