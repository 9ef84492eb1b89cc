"""Everything that custody rests on, in memory and in virtual time: one tenant and its inventory.

    async def history(world: World) -> None:
        operation = await world.request(Kind.CHECKOUT, ...)
        world.start_worker()
        await world.settle()

    run(history)

The parts are the real ones (aggregates, handlers, step logic, circuit rules, the Snipe-IT client,
the simulator); only where the database would be there is memory, and where the network would be,
``Wire``. A history is repeatable: it depends on its seed alone.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, TypeVar

import httpx
from eventsourcing.domain import Aggregate

from demo.snipe_it_simulator import hand_edits
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.seed import Dump, read_dump
from demo.snipe_it_simulator.simulator import Settings, Simulator
from demo.snipe_it_simulator.stored import Asset
from domain.assignments.assignment import Assignment
from domain.assignments.content import ACCESSORY, Item
from domain.assignments.item_book import ItemBook
from domain.errors import NotFound
from domain.ids import Id, book_id, id_of
from domain.inventory.changes import OperationSettled, OperationWaiting
from domain.inventory_operations import queue as queue_rows
from domain.inventory_operations.kinds import State
from domain.inventory_operations.operation import InventoryOperation
from domain.ports import Facts, InventoryStanding, Receipt, RowChange, Store
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import derived_id
from infrastructure.inventory.circuit import Circuit, CircuitState
from infrastructure.inventory.work_queue import Due
from infrastructure.leases import LeaseLost
from infrastructure.snipe_it.budget import Budget
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.reading import Reader
from infrastructure.snipe_it.settings import Connection, Deadlines
from infrastructure.snipe_it.transport import Transport
from infrastructure.snipe_it.writing import Writer
from tests.builders.memory import MemoryFacts, MemoryStore
from tests.builders.people import NOW, TENANT
from tests.builders.virtual_time import in_virtual_time
from tests.infrastructure.snipe_it.worlds import CONNECTION
from tests.snipe_it_recordings import SEED
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.lookout import Lent
from workers.snipe_it_sync.records import OUT
from workers.snipe_it_sync.timing import BETWEEN_PROBES, BETWEEN_TRIES, Timing, Waits, pause_by
from workers.snipe_it_sync.watch import Watch
from workers.snipe_it_sync.worker import Worker

A = TypeVar("A", bound=Aggregate)
C = TypeVar("C")
T = TypeVar("T")

DEADLINES: Final = Deadlines(connect=2, read=10, total=15, queue=5)


class WorldStore(MemoryStore):
    """Tells the queue what the real store writes beside events. Can be gone for a while."""

    def __init__(self, queue: "MemoryQueue", tenant_id: Id = TENANT) -> None:
        super().__init__(tenant_id)
        self._queue = queue
        self.down = False
        self.refusals = 0

    async def load(self, kind: type[A], id: Id, expected_version: int | None = None) -> A:
        self.check()
        return await super().load(kind, id, expected_version)

    async def save(self, *saved: Any, changes: Any = (), **more: Any) -> Receipt:
        self.check()
        receipt = await super().save(*saved, changes=changes, **more)
        for change in changes:
            self._queue.take_over(change)
        return receipt

    def check(self) -> None:
        """Raise ``StoreUnavailable`` while the database is down."""
        if self.down:
            self.refusals += 1
            raise StoreUnavailable


class WorldFacts(MemoryFacts):
    """Knows how the circuit stands."""

    def __init__(self, store: MemoryStore, circuits: "MemoryCircuits") -> None:
        super().__init__(store)
        self._circuits = circuits

    async def inventory(self) -> InventoryStanding:
        circuit = self._circuits.circuit
        is_open = circuit.state is CircuitState.OPEN
        return replace(self.standing, available=not is_open, reason=circuit.reason)


@dataclass(slots=True)
class _Row:
    due: Due
    at: datetime
    turn: int


class MemoryQueue:
    """``workers.snipe_it_sync.ports.Queue``, with the rules of the real one."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._turn = 0
        self.rows: dict[Id, _Row] = {}

    def take_over(self, change: RowChange) -> None:
        """What the store was given to write."""
        match change:
            case OperationWaiting(tenant_id, operation_id, thing, due_at):
                row = self.rows.get(operation_id)
                if row is not None:
                    row.at = due_at
                    return
                self._turn += 1
                due = Due(tenant_id, operation_id, thing)
                self.rows[operation_id] = _Row(due, due_at, self._turn)
            case OperationSettled(operation_id=operation_id):
                self.rows.pop(operation_id, None)
            case _:
                return

    async def due(self, limit: int, of_one: int, but: Collection[Id] = ()) -> list[Due]:
        self._world.store.check()
        if self._world.circuits.circuit.state is CircuitState.OPEN:
            return []
        found = [row for row in self.rows.values() if self._is_due(row)]
        found = [row for row in found if row.due.operation_id not in but]
        return [row.due for row in sorted(found, key=_by_time)][: min(limit, of_one)]

    async def still_due(self, due: Due) -> bool:
        self._world.store.check()
        row = self.rows.get(due.operation_id)
        return row is not None and self._is_due(row)

    async def waits(self, tenant_id: Id, thing: str) -> bool:
        self._world.store.check()
        return any(row.due.thing == thing for row in self.rows.values())

    async def put_off(self, operation_id: Id, seconds: float) -> None:
        self._world.store.check()
        if operation_id in self.rows:
            self.rows[operation_id].at = self._world.clock() + timedelta(seconds=seconds)

    async def remove(self, operation_id: Id) -> None:
        self._world.store.check()
        self.rows.pop(operation_id, None)

    def _is_due(self, row: _Row) -> bool:
        first = min(other.turn for other in self.rows.values() if other.due.thing == row.due.thing)
        return row.turn == first and row.at <= self._world.clock()


def _by_time(row: _Row) -> tuple[datetime, int]:
    return row.at, row.turn


@dataclass(slots=True)
class _Held:
    epoch: int
    until: float


class MemoryLease:
    """``workers.snipe_it_sync.ports.Lease``. One whose worker is dead runs out by itself."""

    def __init__(self, world: "World", process: "Process", name: str, ttl_s: float) -> None:
        self._world, self._process = world, process
        self._name, self._ttl_s = name, ttl_s
        held = world.leases.get(name, _Held(0, 0.0))
        self.fence = held.epoch + 1
        self._until = world.time() + ttl_s
        world.leases[name] = _Held(self.fence, self._until)
        world.held.append(self)

    def check(self, for_s: float = 0.0) -> None:
        if self._world.time() + for_s >= self._until:
            raise LeaseLost(self._name)

    def run_out(self) -> None:
        """Let its time be over."""
        self._until = self._world.leases[self._name].until = self._world.time()

    async def renew(self) -> None:
        self._process.check()
        held = self._world.leases[self._name]
        if held.epoch != self.fence or held.until <= self._world.time():
            raise LeaseLost(self._name)
        self._until = held.until = self._world.time() + self._ttl_s

    async def give_back(self) -> None:
        self._until = self._world.time()
        self._world.held.remove(self)
        held = self._world.leases[self._name]
        if self._process.alive and held.epoch == self.fence:
            held.until = self._world.time()


class MemoryCircuits:
    """``workers.snipe_it_sync.ports.CircuitBoard`` of one tenant, by the real rules."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._pause = pause_by(BETWEEN_PROBES)
        self.circuit = Circuit(CircuitState.CLOSED, world.clock())

    async def lets_through(self, tenant_id: Id) -> bool:
        return self._become(self.circuit.for_call(self._world.clock())) is not None

    async def failed(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        at = self._world.clock()
        self._become(self.circuit.failed(reason, at, self._pause, retry_after_s))

    async def open(self, tenant_id: Id, reason: str, retry_after_s: float | None = None) -> None:
        at = self._world.clock()
        self._become(self.circuit.opened(reason, at, self._pause, retry_after_s))

    async def worked(self, tenant_id: Id) -> None:
        self._become(self.circuit.worked(self._world.clock()))

    async def answered(self, tenant_id: Id) -> None:
        self._become(self.circuit.answered(self._world.clock()))

    async def to_probe(self) -> list[Id]:
        due = self.circuit.for_probe(self._world.clock()) is not None
        return [self._world.tenant_id] if due else []

    async def take_probe(self, tenant_id: Id) -> CircuitState | None:
        taken = self._become(self.circuit.for_probe(self._world.clock()))
        return None if taken is None else taken.state

    def _become(self, circuit: Circuit | None) -> Circuit | None:
        self._world.store.check()
        self.circuit = circuit or self.circuit
        return circuit


def lent(assignment: Assignment, external_id: int, holder: tuple[str, int]) -> Lent:
    """What the watch is told of an assignment whose asset is out."""
    drift = assignment.standing.drift
    noted = holder if drift is None else drift.actual
    drifted = drift is not None
    return Lent(id_of(assignment.id), assignment.version, external_id, holder, noted, drifted)


def units_are_out(assignment: Assignment) -> bool:
    """Whether the watch is told of an assignment of an accessory."""
    settled = not assignment.standing.pending
    return assignment.item.kind == ACCESSORY and assignment.state.value in OUT and settled


class MemoryRecords:
    """``workers.snipe_it_sync.lookout.Records``, from the store itself: never behind."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def given_up(self, tenant_id: Id, within: timedelta) -> list[Id]:
        since = self._world.clock() - within
        return [
            id_of(operation.id)
            for operation in await self._world.all(InventoryOperation)
            if operation.state is State.FAILED
            and operation.attempts
            and not operation.late
            and operation.modified_on > since
        ]

    async def lent(self, tenant_id: Id) -> list[Lent]:
        found = []
        for assignment in await self._world.all(Assignment):
            item = self._world.facts.items.get((assignment.item.kind, assignment.item.id))
            holder = await self._world.facts.custodian(
                assignment.custodian.kind, assignment.custodian.id
            )
            if assignment.state.value not in OUT or assignment.standing.pending:
                continue
            if item is None or item.kind != "asset" or holder is None or holder.external_id is None:
                continue
            found.append(lent(assignment, item.external_id, (holder.kind, holder.external_id)))
        return found

    async def units_lent(self, tenant_id: Id) -> dict[int, list[Id]]:
        lent: dict[int, list[Id]] = {}
        for assignment in await self._world.all(Assignment):
            item = self._world.facts.items.get((assignment.item.kind, assignment.item.id))
            if item is not None and units_are_out(assignment):
                lent.setdefault(item.external_id, []).append(id_of(assignment.id))
        return lent


class Process:
    """One worker's process. Killed, it does nothing more, and cleans nothing up."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.alive = True
        self.wake = asyncio.Event()
        waits = Waits(world.time)
        tools = Tools(self, self.ask, world.queue, world.circuits, world.clock, world.timing, waits)
        self.worker = Worker(tools, self, self)
        self._watch = Watch(world.tenant_id, tools, self, MemoryRecords(world))
        self._task = asyncio.create_task(self.worker.run(self.wake))

    async def watch(self) -> None:
        """Go round once, looking for late effects and drift."""
        await self._watch.go_round(self._world.snipe_it)

    def kill(self) -> None:
        """As SIGKILL: its leases run out by themselves, and a call under way goes on over there."""
        self.alive = False
        for task in (self._task, *self.worker.running):
            task.cancel()

    async def stop(self) -> None:
        """As SIGTERM: it ends what it can."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def check(self) -> None:
        """Nothing is done by the dead."""
        if not self.alive:
            raise asyncio.CancelledError
        self._world.store.check()

    async def of(self, tenant_id: Id) -> SnipeIt | None:
        """``Inventories``."""
        self.check()
        return self._world.snipe_it

    async def take(self, name: str, ttl_s: float) -> MemoryLease | None:
        """``Leases``."""
        self.check()
        held = self._world.leases.get(name)
        if held is not None and held.until > self._world.time():
            return None
        return MemoryLease(self._world, self, name, ttl_s)

    async def load(self, tenant_id: Id, operation_id: Id) -> InventoryOperation | None:
        """``Operations``."""
        self.check()
        try:
            return await self._world.store.load(InventoryOperation, operation_id)
        except NotFound:
            return None

    async def assignment(self, tenant_id: Id, assignment_id: Id) -> Assignment | None:
        """``Operations``."""
        self.check()
        try:
            return await self._world.store.load(Assignment, assignment_id)
        except NotFound:
            return None

    async def book(self, tenant_id: Id, item: Item) -> ItemBook | None:
        """``Operations``."""
        self.check()
        try:
            return await self._world.store.load(ItemBook, book_id(tenant_id, item.kind, item.id))
        except NotFound:
            return None

    async def ask(
        self,
        tenant_id: Id,
        turn: Id,
        handle: Callable[[C, Store, Facts], Awaitable[Receipt]],
        command: C,
    ) -> None:
        """``Ask``."""
        self.check()
        await handle(command, self._world.store, self._world.facts)


class Wire(httpx.AsyncBaseTransport):
    """The network: the server goes on with a call whose client has gone."""

    def __init__(self, app: SimulatorApp) -> None:
        self._server = httpx.ASGITransport(_GoesOn(app))
        self.troubles: list[Fault] = []
        self.hits: Counter[str] = Counter()
        self.before_sending: Callable[[httpx.Request], Awaitable[None]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        trouble = self._trouble(request)
        if trouble == "refused":
            raise httpx.ConnectError("refused")
        if self.before_sending is not None:
            await self.before_sending(request)
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        if trouble == "lost":
            raise httpx.ReadError("lost")
        response = await self._server.handle_async_request(request)
        if trouble == "cut":
            raise httpx.ReadError("cut")
        return response

    def trouble(self, kind: str, method: str = "", path: str = ".*", times: int = 1) -> None:
        """Let a call be ``refused`` (never sent), ``lost`` (on the way there) or ``cut`` (back)."""
        self.troubles.append(Fault(kind, method, path, times))  # type: ignore[arg-type]  # one of ours

    def _trouble(self, request: httpx.Request) -> str | None:
        for one in self.troubles:
            if one.hits(request.method, request.url.path):
                one.times = (one.times or 1) - 1
                if one.times <= 0:
                    self.troubles.remove(one)
                self.hits[one.kind] += 1
                return str(one.kind)
        return None


class _GoesOn:
    def __init__(self, app: SimulatorApp) -> None:
        self._app = app
        self._calls: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.ensure_future(self._app(scope, receive, send))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        await asyncio.shield(task)


class World:
    """One tenant, its store, its inventory and the workers between them."""

    def __init__(
        self,
        *,
        dump: Dump | None = None,
        connection: Connection = CONNECTION,
        tenant_id: Id = TENANT,
        **settings: float | str,
    ) -> None:
        self._began = asyncio.get_running_loop().time()
        self.tenant_id = tenant_id
        self._ids = 0
        self.clock_is_off = timedelta()
        self.timing = Timing(pause=pause_by(BETWEEN_TRIES))
        first = replace(Settings(calls_per_minute=6000), **settings)  # type: ignore[arg-type]  # the test's to get right
        self.simulator = Simulator(
            dump or _recorded(), clock=self._true_time, sleep=asyncio.sleep, first_settings=first
        )
        self.wire = Wire(SimulatorApp(self.simulator))
        self.queue = MemoryQueue(self)
        self.store = WorldStore(self.queue, tenant_id)
        self.circuits = MemoryCircuits(self)
        self.facts = WorldFacts(self.store, self.circuits)
        self.leases: dict[str, _Held] = {}
        self.held: list[MemoryLease] = []
        self.processes: list[Process] = []
        self.snipe_it = self._client(replace(connection, deadlines=DEADLINES))

    def time(self) -> float:
        """Seconds since the beginning."""
        return asyncio.get_running_loop().time() - self._began

    def clock(self) -> datetime:
        """The time, for everybody in here but the inventory's own server."""
        return self._true_time() + self.clock_is_off

    def new_id(self) -> Id:
        """A new id, the same in every run of the history."""
        self._ids += 1
        return derived_id("world", str(self._ids))

    async def ask(
        self, handle: Callable[[C, Store, Facts], Awaitable[Receipt]], command: C
    ) -> Receipt:
        """Give a command, as an API does."""
        return await handle(command, self.store, self.facts)

    async def request(self, operation: InventoryOperation) -> Id:
        """Let the workers have an operation; the id of it."""
        receipt = await self.store.save(
            operation, changes=[queue_rows.waiting(operation, self.clock())]
        )
        return receipt.id

    async def operation(self, id: Id) -> InventoryOperation:
        """An operation as it is now."""
        return await self.store.load(InventoryOperation, id)

    async def all(self, kind: type[A]) -> list[A]:
        """Everything of a kind, in the order in which it came to be."""
        found = []
        for id in tuple(self.store.streams):
            with suppress(NotFound):
                found.append(await self.store.load(kind, id))
        return found

    def told(self, id: Id) -> list[str]:
        """What has happened to something, by the names of its events."""
        return [topic.split(".")[1] for topic, _ in self.store.streams[id]]

    def start_worker(self) -> Process:
        """One more worker."""
        process = Process(self)
        self.processes.append(process)
        return process

    async def settle(self, within_s: float = 3600.0) -> None:
        """Let time pass until nothing waits. Raises ``TimeoutError``."""
        until = self.time() + within_s
        while self.queue.rows:
            if self.time() >= until:
                raise TimeoutError(f"still waiting: {list(self.queue.rows.values())}")
            await asyncio.sleep(1)

    def order(self, kind: str, **fault: Any) -> None:
        """Let the simulator misbehave: ``demo.snipe_it_simulator.faults``."""
        self.simulator.faults.ordered.append(Fault(Kind(kind), **fault))

    def by_hand(self, **edit: Any) -> None:
        """Change the inventory as people do in its own screens."""
        hand_edits.apply(self.simulator.inventory, edit)

    def asset(self, external_id: int) -> Asset:
        """An asset as it truly is."""
        return self.simulator.inventory.assets[external_id]

    def holder(self, external_id: int) -> tuple[str, int] | None:
        """Who truly has an asset."""
        asset = self.asset(external_id)
        if asset.assigned_type is None or asset.assigned_to is None:
            return None
        return asset.assigned_type, asset.assigned_to

    def writes(self, path: str = "") -> int:
        """How many writes came in at paths that contain ``path``."""
        seen = self.simulator.seen
        return sum(call.method != "GET" and path in call.path for call in seen)

    def _true_time(self) -> datetime:
        return NOW + timedelta(seconds=self.time())

    def _client(self, connection: Connection) -> SnipeIt:
        loop = asyncio.get_running_loop()
        budget = Budget(connection.calls_per_minute, clock=loop.time, sleep=asyncio.sleep)
        transport = Transport(connection, budget=budget, inner=self.wire)
        reader = Reader(transport, connection)
        return SnipeIt(connection, transport, reader, Writer(transport, connection))

    async def close(self) -> None:
        """End every worker."""
        for process in self.processes:
            await process.stop()


def run(history: Callable[[World], Awaitable[T]], seed: int = 0, **settings: Any) -> T:
    """Let a history happen in a new world; the same seed gives the same history."""

    async def begin() -> T:
        random.seed(seed)
        world = World(**settings)
        try:
            return await history(world)
        finally:
            await world.close()

    return in_virtual_time(begin())


@cache
def _recorded() -> Dump:
    return read_dump(SEED)
