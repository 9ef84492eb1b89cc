"""The sync worker's process. Several may run: leases keep them from one another's things."""

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from domain.assignments.assignment import Assignment
from domain.assignments.content import Item
from domain.assignments.item_book import ItemBook
from domain.ids import Id, book_id
from domain.inventory_operations.operation import InventoryOperation
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.clock import since_boot, utc_now
from infrastructure.errors import InfrastructureError, StoreUnavailable
from infrastructure.event_store.aggregate_cache import AggregateCache
from infrastructure.event_store.commands import Commands, Envelope
from infrastructure.event_store.store import Streams
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.ids import derived_id, to_uuid
from infrastructure.inventory.changes import WORK_BELL
from infrastructure.inventory.circuit import Circuits
from infrastructure.inventory.work_queue import WorkQueue
from infrastructure.lease_store import HeldLease, LeaseStore
from infrastructure.leases import LeaseLost
from infrastructure.log_bell import LogBell
from infrastructure.pooled_call import DATABASE_ERRORS
from infrastructure.postgres import Pool, pool_of
from infrastructure.settings import SnipeItSyncSettings
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.inventories import OpenInventories
from workers.snipe_it_sync.lookout import Records
from workers.snipe_it_sync.ports import Handle
from workers.snipe_it_sync.records import ReadTables
from workers.snipe_it_sync.timing import BETWEEN_PROBES, Timing, pause_by
from workers.snipe_it_sync.watch import Watch
from workers.snipe_it_sync.worker import Worker

NAME: Final = "snipe-it-sync"
REFRESH_S: Final = 1.0
WATCH_LEASE_S: Final = 60.0
"""After so long another process watches where one has died."""
HOLD_EVERY_S: Final = 10.0
FIRST_ROUND_AFTER_S: Final = 60.0
"""A process that has just got the watch does not wait for a whole period."""
POOL_SIZE: Final = 8

A = TypeVar("A", InventoryOperation, Assignment, ItemBook)
C = TypeVar("C")

logger = logging.getLogger(__name__)


async def run(settings: SnipeItSyncSettings) -> None:
    """Bring what was asked for into the inventories and watch over them, until cancelled."""
    url = settings.worker_database_url.get_secret_value()
    bell = LogBell(url, WORK_BELL)
    async with (
        pool_of(url, max_size=POOL_SIZE) as pool,
        Writer(url) as writer,
        AllTenantsReader(url) as reader,
        OpenInventories(pool, settings) as inventories,
    ):
        tools = Tools(
            operations=LoggedOperations(pool),
            ask=InOwnName(Commands(pool, writer, FactSource(pool).of)),
            queue=WorkQueue(pool),
            circuits=Circuits(pool, pause_by(BETWEEN_PROBES)),
            clock=utc_now,
            timing=_timing(settings),
        )
        leases = LeaseStore(pool)
        watches = Watches(tools, leases, inventories, ReadTables(reader), settings)
        await _refresh(inventories)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(bell.run())
            tasks.create_task(_keep_fresh(inventories))
            tasks.create_task(Worker(tools, leases, inventories).run(bell.listener()))
            tasks.create_task(watches.run())


class InOwnName:
    """``workers.snipe_it_sync.ports.Ask``, through the event store."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    async def __call__(self, tenant_id: Id, turn: Id, handle: Handle[C], command: C) -> None:
        """Carry out a command.

        One that is given under a fence is given once: whether it was stored can then be found
        out even where the answer to its commit was lost.
        """
        fence = getattr(command, "fence", None)
        kind = type(command).__name__
        command_id = None if fence is None else derived_id(NAME, turn, kind, str(fence))
        envelope = Envelope(
            tenant_id=tenant_id,
            actor_id=None,
            correlation_id=turn,
            command_id=command_id,
            turn=turn,
        )
        await self._commands.run(envelope, partial(handle, command))


class LoggedOperations:
    """``workers.snipe_it_sync.ports.Operations``, from the log."""

    def __init__(self, pool: Pool) -> None:
        self._streams = Streams(pool, AggregateCache())

    async def load(self, tenant_id: Id, operation_id: Id) -> InventoryOperation | None:
        """One operation. Raises ``StoreUnavailable``."""
        return await self._load(InventoryOperation, tenant_id, operation_id)

    async def assignment(self, tenant_id: Id, assignment_id: Id) -> Assignment | None:
        """One assignment. Raises ``StoreUnavailable``."""
        return await self._load(Assignment, tenant_id, assignment_id)

    async def book(self, tenant_id: Id, item: Item) -> ItemBook | None:
        """An item's book. Raises ``StoreUnavailable``."""
        return await self._load(ItemBook, tenant_id, book_id(tenant_id, item.kind, item.id))

    async def _load(self, kind: type[A], tenant_id: Id, id: Id) -> A | None:
        try:
            return await self._streams.load(kind, to_uuid(tenant_id), to_uuid(id))
        except DATABASE_ERRORS as error:
            raise StoreUnavailable(str(error)) from error


@dataclass(slots=True)
class Watches:
    """The watch over every tenant's inventory, by one process at a time."""

    tools: Tools
    leases: LeaseStore
    inventories: OpenInventories
    records: Records
    settings: SnipeItSyncSettings
    _watches: dict[Id, Watch] = field(default_factory=dict)
    _held: dict[Id, HeldLease] = field(default_factory=dict)
    _due: dict[Id, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Go round every so often, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_holding())
            tasks.create_task(self._go_rounds())

    async def _keep_holding(self) -> None:
        """However long a round takes, it stays with this process."""
        while True:
            await asyncio.sleep(self._pause_s)
            for tenant_id, held in list(self._held.items()):
                try:
                    await held.renew()
                except LeaseLost:
                    # It may have been taken anew while the database was waited for.
                    if self._held.get(tenant_id) is held:
                        self._forget(tenant_id)
                except StoreUnavailable as error:
                    logger.warning("the watch cannot be held: %s", error)

    async def _go_rounds(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                connected = await self.inventories.refresh()
                for tenant_id in {*connected, *self._held}:
                    await self._look_at(tenant_id)
            except StoreUnavailable as error:
                logger.warning("the watch waits: %s", error)

    async def _look_at(self, tenant_id: Id) -> None:
        """Go round where it is time. What this process cannot reach it leaves to another."""
        snipe_it = await self.inventories.of(tenant_id)
        if snipe_it is None:
            if (held := self._held.get(tenant_id)) is not None:
                self._forget(tenant_id)
                await held.give_back()
        elif await self._holds(tenant_id) and self._is_due(tenant_id):
            await self._go_round(tenant_id, snipe_it)

    @property
    def _pause_s(self) -> float:
        return min(HOLD_EVERY_S, self.settings.snipe_it_watch_every_s)

    def _is_due(self, tenant_id: Id) -> bool:
        now, every_s = since_boot(), self.settings.snipe_it_watch_every_s
        if now < self._due.setdefault(tenant_id, now + min(FIRST_ROUND_AFTER_S, every_s)):
            return False
        self._due[tenant_id] = now + every_s
        return True

    async def _go_round(self, tenant_id: Id, snipe_it: SnipeIt) -> None:
        watch = self._watches.setdefault(
            tenant_id, Watch(tenant_id, self.tools, self.leases, self.records)
        )
        try:
            await watch.go_round(snipe_it)
        except (ReadFailed, UnexpectedForm, InfrastructureError) as error:
            logger.warning("the watch over the inventory of %s waits: %s", tenant_id, error)
        except Exception:
            # The watch over one tenant must not end that over the others.
            logger.exception("the watch over the inventory of %s", tenant_id)

    async def _holds(self, tenant_id: Id) -> bool:
        """Whether this process has the watch. It keeps it for as long as it lives."""
        held = self._held.get(tenant_id)
        if held is not None:
            try:
                held.check()
            except LeaseLost:
                self._forget(tenant_id)
            else:
                return True
        ttl_s = min(WATCH_LEASE_S, self.settings.snipe_it_watch_every_s * 2 + REFRESH_S)
        taken = await self.leases.take(f"inventory-watch:{tenant_id}", ttl_s)
        if taken is not None:
            self._held[tenant_id] = taken
        return taken is not None

    def _forget(self, tenant_id: Id) -> None:
        """What was seen so far is for whoever has the watch now."""
        for kept in (self._held, self._watches, self._due):
            kept.pop(tenant_id, None)


async def _keep_fresh(inventories: OpenInventories) -> None:
    while True:
        await asyncio.sleep(REFRESH_S)
        await _refresh(inventories)


async def _refresh(inventories: OpenInventories) -> None:
    try:
        await inventories.refresh()
    except StoreUnavailable as error:
        logger.warning("the connections cannot be read, trying again: %s", error)


def _timing(settings: SnipeItSyncSettings) -> Timing:
    margin_s = settings.snipe_it_call_s * 2 / 3
    return Timing(late_s=settings.snipe_it_late_s, lease_margin_s=margin_s)
