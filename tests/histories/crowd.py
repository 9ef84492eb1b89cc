"""People, faults and workers that do what they like: everything by chance, all at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from demo.snipe_it_simulator.faults import Kind as FaultKind
from demo.snipe_it_simulator.hand_edits import UnknownEdit
from domain.assignments.assignment import Assignment
from domain.assignments.content import ASSET, CONSUMABLE, Condition, State, Units
from domain.caller import Caller
from domain.custody import outcomes
from domain.custody.commands import AbandonOperation
from domain.errors import Refused
from domain.ids import Id, id_of
from domain.inventory_operations import commands
from domain.inventory_operations.kinds import State as OperationState
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.errors import StoreUnavailable
from tests.builders.assignments import MANAGER
from tests.builders.people import TECHNICIAN
from tests.builders.world import World
from tests.histories.cast import (
    ASSETS,
    COUNTED,
    EVERYBODY,
    OFFLINE,
    PEOPLE,
    LivingDesk,
    item,
    whoever_may_have,
)
from tests.histories.log import Log
from tests.histories.requests import Requests
from tests.histories.rounds import Rounds

LOUD: Final = (
    "refuse",
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
"""Faults of the simulator but for those that need a real connection, or a person to give rights."""

REFUSALS: Final = (
    "That asset is not available for checkout!",
    "Accessory not found",
    "There are not enough consumables for this checkout. Please check the quantity left. ",
    "No user found",
    "Something is wrong.",
)
"""What a call is told that is refused for no reason that anything shows."""

WITH_IT: Final = (
    "return",
    "return",
    "return",
    "return one",
    "extend",
    "transfer",
    "lose",
)
FITTING: Final[Mapping[State, tuple[str, ...]]] = MappingProxyType(
    {
        State.RESERVED: ("issue", "issue", "issue", "cancel"),
        State.ACTIVE: WITH_IT,
        State.OVERDUE: WITH_IT,
        State.LOSS_PENDING: ("confirm loss", "recover"),
    }
)
SENSIBLE: Final = 0.75
"""How often people do what makes sense, by where an assignment stands."""

CONDITIONS: Final = tuple(Condition)


class Crowd:
    """Everybody who does something in a history.

    ``ids`` are the assignments that they made, ``edits`` counts what was done in the inventory's
    own screens.
    """

    def __init__(self, world: World, log: Log, chance: random.Random) -> None:
        self.world = world
        self._log = log
        self.desk = LivingDesk(world)
        self.ids: list[Id] = []
        self._requests = Requests(self.desk, chance, self.ids)
        self.edits: Counter[str] = Counter()
        self._chance = chance

    async def live(self, seconds: float, *, by_hand: bool = True) -> None:
        """Let everybody do what they like for so long, all at the same time.

        ``by_hand``: in the inventory's own screens, too.
        """
        lives = [self._again(self._ask, 9.0, seconds) for _ in range(3)]
        lives.append(self._again(self._manage, 60.0, seconds))
        lives.append(self._again(self._resolve_drift, 12.0, seconds))
        lives.append(self._again(self._disturb, 12.0, seconds))
        lives.append(self._again(self._kill_or_start, 60.0, seconds))
        lives.append(self._again(Rounds(self.world, self._log).go, 15.0, seconds))
        if by_hand:
            lives.append(self._again(self._edit_by_hand, 15.0, seconds))
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
        by: Caller = self._chance.choice((TECHNICIAN, OFFLINE))
        pick = self._chance.random()
        if not self.ids or pick < 0.25:
            await self._lend(by)
        elif pick < 0.4:
            await self._requests.act(by)
        else:
            await self._go_on(self._chance.choice(self.ids), by)

    async def _lend(self, by: Caller) -> None:
        """Hand something over that nobody has kept."""
        chance, desk = self._chance, self.desk
        thing, quantity = item(ASSET, chance.choice(ASSETS)), 1
        if chance.random() < 0.4:
            thing, quantity = item(*chance.choice(COUNTED)), chance.randint(1, 3)
        due = None
        if thing.kind != CONSUMABLE:
            due = desk.at + timedelta(days=chance.randint(1, 9))
        who = chance.choice(whoever_may_have(thing))
        self.ids.append(
            await desk.reserve(thing, who, by=by, issue=True, due=due, quantity=quantity)
        )

    async def _go_on(self, id: Id, by: Caller) -> None:
        """Go on with an assignment, mostly in a way that makes sense."""
        chance, desk = self._chance, self.desk
        acts: dict[str, Callable[[], Awaitable[Any]]] = {
            "issue": lambda: desk.issue(id, by),
            "return": lambda: desk.receive(id, by=by),
            "return one": lambda: desk.receive(id, Units(1, chance.choice(CONDITIONS)), by=by),
            "extend": lambda: desk.approve_extension(
                id, desk.at + timedelta(days=chance.randint(2, 20)), by
            ),
            "lose": lambda: desk.report_loss(id, by=by),
            "confirm loss": lambda: desk.confirm_loss(id, MANAGER),
            "recover": lambda: desk.recover(id, by),
            "cancel": lambda: desk.cancel(id, by),
            "transfer": lambda: self._transfer(id, by),
        }
        state = (await desk.assignment(id)).state
        fitting = FITTING.get(state, tuple(acts))
        await acts[chance.choice(fitting if chance.random() < SENSIBLE else tuple(acts))]()

    async def _transfer(self, id: Id, by: Caller) -> None:
        self.ids.append(await self.desk.transfer(id, self._chance.choice(EVERYBODY), by))

    async def _manage(self) -> None:
        """The mirror is swept, and an inventory manager sees to what needs attention."""
        self.desk.see_stock()
        waiting = [one for one in self.operations() if one.state is OperationState.NEEDS_ATTENTION]
        if not waiting:
            return
        try:
            await self.decide(self._chance.choice(waiting))
        except (Refused, StoreUnavailable):
            return

    async def _resolve_drift(self) -> None:
        """Decide about one that is noted, in any way: not every one fits."""
        drifted = [one for one in self._log.all_of(Assignment) if one.standing.drift is not None]
        if not drifted:
            return
        how = self._chance.choice(("external_return", "reasserted", "reasserted", "relinked"))
        try:
            await self.desk.resolve_drift(id_of(self._chance.choice(drifted).id), how, MANAGER)
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
                seconds=chance.choice((0, 0.5, 5, 13, 16, 30, 50)),
                message=chance.choice(REFUSALS),
            )

    async def _edit_by_hand(self) -> None:
        """Somebody does something in the inventory's own screens."""
        chance = self._chance
        number = chance.choice(self._busy() or ASSETS)
        edit: dict[str, Any] = chance.choice(
            (
                {"do": "checkin", "id": number},
                {"do": "checkout", "id": number, "to_type": "user", "to_id": chance.choice(PEOPLE)},
                {"do": "set", "id": number, "table": "hardware", "fields": {"status_id": 2}},
                {"do": "set", "id": number, "table": "hardware", "fields": {"status_id": 4}},
                {"do": "checkin_unit", "id": self._any_unit()},
            )
        )
        try:
            self.world.by_hand(**edit)
        except UnknownEdit:
            return
        self.edits[edit["do"]] += 1

    def _any_unit(self) -> int:
        """The number of a unit that is out; 0 where none is."""
        return self._chance.choice([*self.world.simulator.inventory.accessory_checkouts] or [0])

    async def _kill_or_start(self) -> None:
        """A worker dies between any two steps, or one more is there."""
        alive = [process for process in self.world.processes if process.alive]
        if len(alive) > 1 or (alive and self._chance.random() < 0.5):
            self._chance.choice(alive).kill()
        else:
            self.world.start_worker()

    def _busy(self) -> list[int]:
        """The assets that workers are at: where a hand edit hurts most."""
        things = [row.due.thing for row in self.world.queue.rows.values()]
        return [int(one.removeprefix("asset:")) for one in things if one.startswith("asset:")]
