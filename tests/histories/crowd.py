"""People, faults and workers that do what they like: everything by chance, all at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from demo.snipe_it_simulator.faults import Kind as FaultKind
from demo.snipe_it_simulator.hand_edits import UnknownEdit
from domain.assignments.content import Custodian, Item
from domain.caller import Caller
from domain.custody import outcomes
from domain.custody.commands import AbandonOperation
from domain.errors import Refused
from domain.ids import Id, id_of
from domain.inventory_operations import commands
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import InventoryStanding
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import derived_id
from infrastructure.projection_rows import Row
from tests.builders.assignments import MANAGER
from tests.builders.desk import Desk
from tests.builders.people import TECHNICIAN, with_roles
from tests.builders.world import World
from tests.histories.truth import Holder

if TYPE_CHECKING:
    from tests.histories.judge import Log

ASSETS: Final = (1, 2, 3, 7, 8)
PEOPLE: Final = (2, 3, 4, 5)
PLACES: Final = (1, 2)
LABELS: Final = {"lost": 4, "stolen": 4, "repair": 5, "deployable": 2}
OFFLINE: Final = with_roles("offline technician", "inventory_manager")

LOUD: Final = (
    "maintenance",
    "database_down",
    "bad_gateway",
    "bad_gateway_after",
    "gateway_timeout",
    "error_before",
    "error_after",
    "html",
    "throttle",
    "slow",
    "late",
    "slow_answer",
)
"""Faults of the simulator; ``refuse`` and the loss of rights are for ever, and left out."""


def item(external_id: int) -> Item:
    """An asset by our id."""
    return Item("asset", derived_id("history", "asset", str(external_id)))


def custodian(kind: str, external_id: int) -> Custodian:
    """A person or a place by our id."""
    return Custodian(kind, derived_id("history", kind, str(external_id)))


def number_of(who: Custodian) -> int:
    """Whose number in the inventory it is."""
    numbers = PEOPLE if who.kind == "user" else PLACES
    return next(number for number in numbers if custodian(who.kind, number).id == who.id)


EVERYBODY: Final = tuple(custodian("user", number) for number in PEOPLE) + tuple(
    custodian("location", number) for number in PLACES
)


def asset_number(row: Row) -> int:
    """Which asset an assignment's row is about."""
    return next(number for number in ASSETS if item(number).id == row["item_id"])


def ours(row: Row) -> Holder:
    """Whom the inventory must name where an assignment's row says that it is out."""
    who = next(one for one in EVERYBODY if one.id == row["custodian_id"])
    return who.kind, number_of(who)


class LivingDesk(Desk):
    """The desk of a world: its store, its facts, its time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.facts = world.facts
        self._numbers = 0
        self.facts.standing = InventoryStanding(
            connected=True, available=True, status_labels=LABELS
        )
        for number in ASSETS:
            self.facts.has_item("asset", item(number).id, number)
        for kind, numbers in (("user", PEOPLE), ("location", PLACES)):
            for number in numbers:
                self.facts.has_custodian(kind, custodian(kind, number).id, number)

    @property
    def at(self) -> datetime:  # type: ignore[override]  # the time passes by itself here
        """Now."""
        return self.world.clock()


class Crowd:
    """Everybody who does something in a history. ``ids`` are the assignments that they made."""

    def __init__(self, world: World, log: "Log", chance: random.Random) -> None:
        self.world = world
        self._log = log
        self.desk = LivingDesk(world)
        self.ids: list[Id] = []
        self.edited: set[int] = set()
        self._chance = chance

    async def live(self, seconds: float, *, faults: bool = True) -> None:
        """Let everybody do what they like for so long, all at the same time."""
        lives = [self._again(self._ask, 9.0, seconds) for _ in range(3)]
        lives.append(self._again(self._manage, 60.0, seconds))
        if faults:
            lives.append(self._again(self._disturb, 12.0, seconds))
            lives.append(self._again(self._edit_by_hand, 15.0, seconds))
            lives.append(self._again(self._kill_or_start, 60.0, seconds))
        await asyncio.gather(*lives)

    def calm(self) -> None:
        """End every fault; one worker at least is alive."""
        self.world.simulator.faults.ordered.clear()
        self.world.wire.troubles.clear()
        self.world.store.down = False
        self.world.start_worker()

    async def _again(self, act: Callable[[], Awaitable[None]], mean: float, until: float) -> None:
        end = self.world.time() + until
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / mean))
            if self.world.time() >= end:
                return
            await act()

    async def _ask(self) -> None:
        """One command, of those that an assignment knows; a refusal is an answer, too."""
        try:
            await self._command()
        except (Refused, StoreUnavailable):
            return

    async def _command(self) -> None:
        chance, desk = self._chance, self.desk
        by: Caller = chance.choice((TECHNICIAN, OFFLINE))
        if not self.ids or chance.random() < 0.35:
            asset, who = item(chance.choice(ASSETS)), chance.choice(EVERYBODY)
            due = desk.at + timedelta(days=chance.randint(1, 9))
            self.ids.append(await desk.reserve(asset, who, by=by, issue=True, due=due))
            return
        id = chance.choice(self.ids)
        acts: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: desk.issue(id, by),
            lambda: desk.receive(id, by=by),
            lambda: desk.receive(id, by=by),
            lambda: desk.approve_extension(id, desk.at + timedelta(days=chance.randint(2, 20)), by),
            lambda: desk.report_loss(id, by=by),
            lambda: desk.confirm_loss(id, MANAGER),
            lambda: desk.recover(id, by),
            lambda: desk.cancel(id, by),
            lambda: self._transfer(id, by),
            lambda: desk.resolve_drift(
                id, chance.choice(("external_return", "reasserted", "relinked")), MANAGER
            ),
        )
        await chance.choice(acts)()

    async def _transfer(self, id: Id, by: Caller) -> None:
        self.ids.append(await self.desk.transfer(id, self._chance.choice(EVERYBODY), by))

    async def _manage(self) -> None:
        """An inventory manager sees to what needs attention."""
        waiting = [one for one in self.operations() if one.state is State.NEEDS_ATTENTION]
        if not waiting:
            return
        try:
            await self.decide(self._chance.choice(waiting))
        except (Refused, StoreUnavailable):
            return

    async def decide(self, operation: InventoryOperation) -> None:
        """Have it read for proof, tried again, or given up. Nothing is vouched for."""
        id, at = id_of(operation.id), self.desk.at
        what = self._chance.choice(("resolve", "retry", "abandon"))
        more = {"operation_id": id, "reason": "I have looked", "by": MANAGER, "at": at}
        if what == "resolve":
            await self.desk.give(
                outcomes.request_resolution,
                commands.RequestResolution(**more),  # type: ignore[arg-type]  # as named above
            )
        elif what == "retry":
            await self.desk.give(outcomes.retry, commands.RetryOperation(**more))  # type: ignore[arg-type]  # as named above
        else:
            await self.desk.give(outcomes.abandon, AbandonOperation(**more))  # type: ignore[arg-type]  # as named above

    def operations(self) -> list[InventoryOperation]:
        """Every operation that there is."""
        return self._log.all_of(InventoryOperation)

    async def _disturb(self) -> None:
        """Let the server, the network or the database misbehave for a while."""
        chance, world = self._chance, self.world
        pick = chance.random()
        if pick < 0.1:
            world.store.down = True
            await asyncio.sleep(chance.uniform(0.1, 8))
            world.store.down = False
        elif pick < 0.35:
            kind = chance.choice(("refused", "lost", "cut"))
            world.wire.trouble(kind, chance.choice(("", "POST", "PATCH")))
        else:
            world.order(
                FaultKind(chance.choice(LOUD)),
                method=chance.choice(("", "GET", "POST", "POST")),
                times=chance.choice((1, 1, 2, 5)),
                seconds=chance.choice((0.5, 5, 13, 16, 30, 50)),
            )

    async def _edit_by_hand(self) -> None:
        """Somebody does something in the inventory's own screens."""
        chance = self._chance
        number = chance.choice(self._busy() or ASSETS)
        edit: dict[str, Any] = chance.choice(
            (
                {"do": "checkin"},
                {"do": "checkout", "to_type": "user", "to_id": chance.choice(PEOPLE)},
                {"do": "set", "table": "hardware", "fields": {"status_id": 2}},
                {"do": "set", "table": "hardware", "fields": {"status_id": 4}},
            )
        )
        try:
            self.world.by_hand(id=number, **edit)
        except UnknownEdit:
            return
        self.edited.add(number)

    async def _kill_or_start(self) -> None:
        """A worker dies between any two steps, or one more is there."""
        alive = [process for process in self.world.processes if process.alive]
        if len(alive) > 1 or (alive and self._chance.random() < 0.5):
            self._chance.choice(alive).kill()
        else:
            self.world.start_worker()

    def _busy(self) -> list[int]:
        """The assets that workers are at: where a hand edit hurts most."""
        return [int(row.due.thing.removeprefix("asset:")) for row in self.world.queue.rows.values()]
