"""The inventories of all tenants, each over one connection that is kept open."""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Self

from domain.ids import Id
from infrastructure.inventory.connections import StoredConnection, stored_connections
from infrastructure.inventory.shared_calls import SharedCalls
from infrastructure.postgres import Pool
from infrastructure.settings import SnipeItSyncSettings
from infrastructure.snipe_it.client import SnipeIt, open_snipe_it
from infrastructure.snipe_it.settings import Deadlines
from workers.snipe_it_connections import UNUSABLE, usable

CONNECT_S: Final = 2.0
READ_S: Final = 10.0
QUEUE_S: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Open:
    stored: StoredConnection
    snipe_it: SnipeIt | None
    closing: AsyncExitStack


class OpenInventories:
    """``workers.snipe_it_sync.ports.Inventories``."""

    def __init__(self, pool: Pool, settings: SnipeItSyncSettings) -> None:
        self._pool = pool
        self._settings = settings
        self._deadlines = deadlines_within(settings.snipe_it_call_s)
        self._open: dict[Id, _Open] = {}
        self._refreshing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all."""
        for tenant_id in tuple(self._open):
            await self._close(tenant_id)

    async def of(self, tenant_id: Id) -> SnipeIt | None:
        """The tenant's as of the last ``refresh``, None where it has none that can be used."""
        found = self._open.get(tenant_id)
        return None if found is None else found.snipe_it

    async def refresh(self) -> list[Id]:
        """Take over what has changed. Returns the tenants that are connected.

        Raises ``StoreUnavailable``.
        """
        # Two at once would close one connection twice.
        async with self._refreshing:
            stored = {one.tenant_id: one for one in await stored_connections(self._pool)}
            for tenant_id, one in tuple(self._open.items()):
                if stored.get(tenant_id) != one.stored:
                    await self._close(tenant_id)
            for tenant_id in stored.keys() - self._open.keys():
                self._open[tenant_id] = await self._opened(stored[tenant_id])
            return sorted(stored)

    async def _opened(self, stored: StoredConnection) -> _Open:
        closing = AsyncExitStack()
        calls_per_minute = self._settings.snipe_it_calls_per_minute
        try:
            connection = usable(
                stored,
                self._settings.inventory_servers(),
                calls_per_minute=calls_per_minute,
                deadlines=self._deadlines,
            )
        except UNUSABLE as error:
            logger.warning("the inventory of %s cannot be used: %s", stored.tenant_id, error)
            return _Open(stored, None, closing)
        allowance = SharedCalls(self._pool, stored.tenant_id, calls_per_minute)
        snipe_it = await closing.enter_async_context(open_snipe_it(connection, allowance))
        return _Open(stored, snipe_it, closing)

    async def _close(self, tenant_id: Id) -> None:
        await self._open.pop(tenant_id).closing.aclose()


def deadlines_within(call_s: float) -> Deadlines:
    """The deadlines of a call that may take ``call_s``, not counting a wait for the rate limit."""
    return Deadlines(
        connect=min(CONNECT_S, call_s),
        read=min(READ_S, call_s),
        total=call_s,
        queue=min(QUEUE_S, call_s),
    )
