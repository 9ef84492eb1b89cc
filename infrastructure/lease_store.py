"""Leases of one process: taken, held for longer, given back.

Every call raises ``StoreUnavailable`` where the database cannot be had.
"""

from infrastructure import leases
from infrastructure.leases import Lease
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool


class HeldLease:
    """A lease that this process holds, and the way to its row."""

    def __init__(self, lease: Lease, pool: Pool) -> None:
        self._lease = lease
        self._pool = pool

    @property
    def fence(self) -> int:
        """Counts the holders: higher than that of every one before."""
        return self._lease.epoch

    def check(self, for_s: float = 0.0) -> None:
        """Raise ``LeaseLost`` unless it is held now, and for ``for_s`` from now."""
        self._lease.check(for_s)

    async def renew(self) -> None:
        """Hold it for its whole time from now. Raises ``LeaseLost``."""
        async with pooled_call(self._pool) as connection:
            await self._lease.renew(connection)

    async def give_back(self) -> None:
        """Let somebody else have it at once."""
        async with pooled_call(self._pool) as connection:
            await self._lease.give_back(connection)


class LeaseStore:
    """Takes leases in the name of this process."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._holder = leases.holder_name()

    async def take(self, name: str, ttl_s: float) -> HeldLease | None:
        """The lease, if nobody holds it."""
        async with pooled_call(self._pool) as connection:
            lease = await leases.take(connection, name, self._holder, ttl_s)
        return None if lease is None else HeldLease(lease, self._pool)
