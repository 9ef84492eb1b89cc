"""Takes what is due, one lease at a time, a bounded number of them at once."""

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from domain.errors import Refused
from domain.ids import Id
from infrastructure.errors import InfrastructureError, StoreUnavailable
from infrastructure.inventory.circuit import CircuitState
from infrastructure.inventory.work_queue import Due, lease_name
from infrastructure.leases import LeaseLost
from infrastructure.log_bell import rung
from infrastructure.snipe_it.answers import Answer, Done, Throttled, Unavailable, class_of
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.transport import Call
from workers.snipe_it_sync.attempt import OperationGone, Tools, attempt
from workers.snipe_it_sync.ports import Inventories, Lease, Leases

AT_ONCE: Final = 8
OF_ONE_TENANT: Final = 4
"""Operations of one process at the same time, and of one tenant among them."""

POLL_S: Final = 1.0
STOP_S: Final = 2.0

VERSION: Final = Call("GET", "/version")
ONE_ROW: Final = Call("GET", "/hardware", (("limit", "1"),))
"""What the token must be able to read anyway."""

logger = logging.getLogger(__name__)


class Worker:
    """One worker; any number of them may run."""

    def __init__(self, tools: Tools, leases: Leases, inventories: Inventories) -> None:
        self._tools = tools
        self._leases = leases
        self._inventories = inventories
        self._left_alone: dict[Id, datetime] = {}
        self._running: dict[Id, asyncio.Task[bool]] = {}
        self._busy: Counter[Id] = Counter()

    async def run(self, wake: asyncio.Event) -> None:
        """Work until cancelled, looking at the queue whenever ``wake`` is set, and once a second.

        Cancelled, it takes nothing new and lets what it has begun come to an end, but not for
        long: an operation that is in the middle of something is read back by whoever takes it up.
        """
        try:
            while True:
                await self._take(wake)
                await rung(wake, POLL_S)
        finally:
            await self._stop()

    @property
    def running(self) -> tuple[asyncio.Task[bool], ...]:
        """What it is at."""
        return tuple(self._running.values())

    async def look(self, due: Due) -> bool:
        """See to one operation that is due; False where that is not to be done just now.

        Raises nothing but cancellation.
        """
        try:
            return await self._look(due)
        except LeaseLost as lost:
            logger.info("operation %s is left to another worker: %s", due.operation_id, lost)
        except InfrastructureError as error:
            logger.warning("operation %s waits: %s", due.operation_id, error)
        except (Refused, OperationGone) as error:
            logger.warning("operation %s: %s: %s", due.operation_id, type(error).__name__, error)
            await self._put_off(due)
        except Exception:
            # One that cannot be handled must not stop the others.
            logger.exception("operation %s", due.operation_id)
            await self._put_off(due)
        return True

    async def probe(self) -> None:
        """Ask the servers whose pause is over whether they answer again.

        Half open, and with no operation to try, one row is asked for.

        Raises ``StoreUnavailable``. A server whose answer cannot be handled is asked again once its
        probe has run out.
        """
        for tenant_id in await self._tools.circuits.to_probe():
            state = await self._tools.circuits.take_probe(tenant_id)
            if state is not None:
                try:
                    await self._probe(tenant_id, half_open=state is CircuitState.HALF_OPEN)
                except StoreUnavailable:
                    raise
                except Exception:
                    # What one tenant's server says must not stop the work for the others.
                    logger.exception("the probe of the inventory of %s", tenant_id)

    async def _take(self, wake: asyncio.Event) -> None:
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return
        try:
            await self.probe()
            found = await self._tools.queue.due(free, OF_ONE_TENANT, tuple(self._running))
        except StoreUnavailable as error:
            logger.warning("what is due cannot be seen: %s", error)
            return
        for due in found:
            if self._busy[due.tenant_id] < OF_ONE_TENANT and not self._is_left_alone(due.tenant_id):
                self._begin(due, wake)

    def _begin(self, due: Due, wake: asyncio.Event) -> None:
        def ended(task: asyncio.Task[bool]) -> None:
            self._running.pop(due.operation_id, None)
            self._busy[due.tenant_id] -= 1
            # What could not be begun is still due: to look at once would be to look for ever.
            if not task.cancelled() and task.result():
                wake.set()

        task = asyncio.create_task(self.look(due))
        self._running[due.operation_id] = task
        self._busy[due.tenant_id] += 1
        task.add_done_callback(ended)

    async def _stop(self) -> None:
        if not self.running:
            return
        _, late = await asyncio.wait(self.running, timeout=STOP_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _put_off(self, due: Due) -> None:
        with suppress(StoreUnavailable):
            await self._tools.queue.put_off(due.operation_id, self._tools.timing.unreachable_s)

    async def _look(self, due: Due) -> bool:
        snipe_it = await self._inventories.of(due.tenant_id)
        if snipe_it is None:
            await self._tools.queue.put_off(due.operation_id, self._tools.timing.unreachable_s)
            return True
        lease_s = self._tools.timing.lease_s(snipe_it.connection.deadlines)
        lease = await self._leases.take(lease_name(due.tenant_id, due.thing), lease_s)
        if lease is None:
            return False
        try:
            return await self._look_under(lease, due, snipe_it)
        finally:
            with suppress(StoreUnavailable):
                await lease.give_back()

    async def _look_under(self, lease: Lease, due: Due, snipe_it: SnipeIt) -> bool:
        if not await self._tools.queue.still_due(due):
            return False
        operation = await self._tools.operations.load(due.tenant_id, due.operation_id)
        if operation is None:
            raise OperationGone(due.operation_id)
        if not await self._tools.circuits.lets_through(due.tenant_id):
            return False
        leave_alone_s = await attempt(operation, snipe_it, lease, self._tools)
        if leave_alone_s is not None:
            until = self._tools.clock() + timedelta(seconds=leave_alone_s)
            self._left_alone[due.tenant_id] = until
        return True

    def _is_left_alone(self, tenant_id: Id) -> bool:
        until = self._left_alone.get(tenant_id)
        if until is None or until > self._tools.clock():
            return until is not None
        del self._left_alone[tenant_id]
        return False

    async def _probe(self, tenant_id: Id, *, half_open: bool) -> None:
        snipe_it = await self._inventories.of(tenant_id)
        circuits = self._tools.circuits
        if snipe_it is None:
            await circuits.open(tenant_id, "not_connected")
            return
        answer = await snipe_it.transport.send(ONE_ROW if half_open else VERSION)
        if not isinstance(answer, Done | Throttled):
            await circuits.open(tenant_id, _reason(answer), _retry_after(answer))
        elif not half_open:
            await circuits.answered(tenant_id)
        elif isinstance(answer, Done):
            await circuits.worked(tenant_id)


def _reason(answer: Answer) -> str:
    return answer.reason if isinstance(answer, Unavailable) else class_of(answer)


def _retry_after(answer: Answer) -> float | None:
    return answer.retry_after_s if isinstance(answer, Unavailable) else None
