"""The mirror's process: one reader for each tenant, whatever becomes of the others.

Any number of these processes share the tenants among them, by leases.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from domain.ids import Id
from infrastructure.clock import utc_now
from infrastructure.errors import StoreUnavailable
from infrastructure.inventory.connections import StoredConnection, stored_connections
from infrastructure.inventory.mirror_store import MirrorStore
from infrastructure.inventory.shared_calls import SharedCalls
from infrastructure.lease_store import HeldLease, LeaseStore
from infrastructure.leases import LeaseLost
from infrastructure.postgres import Pool, pool_of
from infrastructure.settings import MirrorSettings
from infrastructure.snipe_it.client import open_snipe_it
from infrastructure.snipe_it.errors import ReadFailed, Unreadable
from infrastructure.snipe_it.settings import Deadlines
from workers.mirror.tenant import TenantMirror
from workers.snipe_it_connections import usable

LOOK_EVERY_S: Final = 2.0
"""How soon a tenant that was just connected gets its mirror."""
LEASE_S: Final = 30.0
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
POOL_SIZE: Final = 4
_PATIENT: Final = Deadlines(queue=90.0)
"""Nobody waits for the mirror: it waits for the rate limit, a whole window if it must."""

logger = logging.getLogger(__name__)


async def run(settings: MirrorSettings) -> None:
    """Keep the mirror of every connected tenant, until cancelled."""
    url = settings.worker_database_url.get_secret_value()
    async with pool_of(
        url, max_size=POOL_SIZE, statement_timeout="25s", transaction_timeout="28s"
    ) as pool:
        await Mirrors(pool, settings).run()


@dataclass(frozen=True, slots=True)
class _Running:
    connection: StoredConnection
    task: asyncio.Task[None]


class Mirrors:
    """The mirrors of all tenants, each in a task of its own."""

    def __init__(self, pool: Pool, settings: MirrorSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._leases = LeaseStore(pool)
        self._running: dict[Id, _Running] = {}
        self._has_looked = False

    async def run(self) -> None:
        """Begin a mirror for every tenant that is connected, and again when that changes."""
        try:
            while True:
                try:
                    self._adjust(await stored_connections(self._pool))
                except StoreUnavailable as error:
                    logger.warning("the connections cannot be read, trying again: %s", error)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            tasks = [running.task for running in self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _adjust(self, connections: list[StoredConnection]) -> None:
        wanted = {one.tenant_id: one for one in connections}
        for tenant_id, running in list(self._running.items()):
            if wanted.get(tenant_id) != running.connection or running.task.done():
                running.task.cancel()
                del self._running[tenant_id]
        for tenant_id in wanted.keys() - self._running.keys():
            one = wanted[tenant_id]
            keeper = MirrorKeeper(
                self._pool, self._leases, self._settings, one, changed=self._has_looked
            )
            task = asyncio.create_task(keeper.run(), name=f"mirror of {tenant_id}")
            task.add_done_callback(_tell_of_a_fault)
            self._running[tenant_id] = _Running(one, task)
        self._has_looked = True


class MirrorKeeper:
    """Keeps one tenant's mirror whenever no other process does.

    ``changed`` says that the connection was made or changed just now: everything is read first.
    """

    def __init__(
        self,
        pool: Pool,
        leases: LeaseStore,
        settings: MirrorSettings,
        connection: StoredConnection,
        *,
        changed: bool,
    ) -> None:
        self._leases = leases
        self._settings = settings
        self._connection = connection
        self._store = MirrorStore(pool, connection.tenant_id)
        self._allowance = SharedCalls(
            pool, connection.tenant_id, settings.snipe_it_calls_per_minute
        )
        self._tenant_id = connection.tenant_id
        self._succeeded = False
        self._changed = changed

    async def run(self) -> None:
        """Read until cancelled; after a failure later and later."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._succeeded = False
            asked_for_s = 0.0
            try:
                await self._keep_if_free()
            except* Unreadable as failures:
                asked_for_s = await self._note(failures.exceptions[0])
            except* (LeaseLost, StoreUnavailable) as failures:
                logger.warning(
                    "the mirror of %s stops for now: %s", self._tenant_id, failures.exceptions[0]
                )
            pause_s = FIRST_PAUSE_S if self._succeeded else min(pause_s * 2, LONGEST_PAUSE_S)
            await asyncio.sleep(max(pause_s, asked_for_s))

    async def _keep_if_free(self) -> None:
        lease = await self._leases.take(f"mirror:{self._tenant_id}", LEASE_S)
        if lease is None:
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_keep(lease))
                tasks.create_task(self._follow(lease))
        finally:
            await lease.give_back()

    async def _follow(self, lease: HeldLease) -> None:
        connection = usable(
            self._connection,
            self._settings.inventory_servers(),
            calls_per_minute=self._settings.mirror_calls_per_minute,
            deadlines=_PATIENT,
        )
        async with open_snipe_it(connection, self._allowance) as snipe_it:
            mirror = TenantMirror(snipe_it, self._store, utc_now, lease.check)
            while True:
                if await self._sweep_is_due() or await mirror.catch_up() is None:
                    await self._sweep(mirror)
                self._succeeded = True
                await asyncio.sleep(self._settings.mirror_every_s)

    async def _sweep_is_due(self) -> bool:
        state = await self._store.state()
        if self._changed or state is None or state.swept_at is None:
            return True
        if state.swept_at <= self._connection.set_at:
            return True
        age = utc_now() - state.swept_at
        # A sweep that is still to come was timed by a clock that was set back since.
        return not timedelta() <= age < timedelta(seconds=self._settings.mirror_sweep_every_s)

    async def _sweep(self, mirror: TenantMirror) -> None:
        counts: dict[str, int] = {}
        await mirror.sweep(partial(_note_kind, self._tenant_id, counts))
        self._changed = False
        things = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        logger.info("the mirror of %s holds %s", self._tenant_id, things)

    async def _note(self, failure: BaseException) -> float:
        """Write down why nothing can be read. Returns how long the server wants to be left."""
        logger.warning("the mirror of %s waits: %s", self._tenant_id, failure)
        try:
            code = failure.code if isinstance(failure, Unreadable) else Unreadable.code
            await self._store.failed(self._connection.base_url, code, str(failure), utc_now())
        except StoreUnavailable as error:
            logger.warning("this cannot be noted: %s", error)
        answer = failure.answer if isinstance(failure, ReadFailed) else None
        return float(getattr(answer, "retry_after_s", None) or 0.0)


async def _keep(lease: HeldLease) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        await lease.renew()


def _note_kind(tenant_id: Id, counts: dict[str, int], kind: str, things: int) -> None:
    counts[kind] = things
    logger.debug("the mirror of %s has read %s: %s", tenant_id, kind, things)


def _tell_of_a_fault(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("%s ended by an error", task.get_name(), exc_info=task.exception())
