"""How far the relay has delivered the log, in its own database schema, guarded by its lease."""

from typing import Final

from domain.ids import Id
from infrastructure import leases
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.leases import Lease, LeaseLost
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Pool

_POSITION: Final = "SELECT log_epoch, position FROM delivery.positions WHERE consumer = %s"

# The lock on the lease's row keeps a new leader from taking over in the middle of this.
_SAVE: Final = """
WITH held AS (
    SELECT FROM delivery.leases
    WHERE name = %(lease)s AND epoch = %(lease_epoch)s AND expires_at > clock_timestamp()
    FOR UPDATE
)
INSERT INTO delivery.positions AS saved (consumer, log_epoch, position)
SELECT %(consumer)s, %(log_epoch)s, %(position)s FROM held
ON CONFLICT (consumer) DO UPDATE
    SET log_epoch = EXCLUDED.log_epoch, position = EXCLUDED.position
    WHERE saved.log_epoch <> EXCLUDED.log_epoch OR saved.position <= EXCLUDED.position
RETURNING position
"""


class CheckpointStore:
    """Leases and positions of delivery. Every call raises ``StoreUnavailable`` where it must."""

    def __init__(self, pool: Pool, ttl_s: float) -> None:
        self._pool = pool
        self._ttl_s = ttl_s
        self._holder = leases.holder_name()

    async def take_lease(self, name: str) -> Lease | None:
        """The lease, if nobody holds it."""
        async with pooled_call(self._pool) as connection:
            return await leases.take(connection, name, self._holder, self._ttl_s)

    async def renew(self, lease: Lease) -> None:
        """Hold a lease for longer. Raises ``LeaseLost``."""
        async with pooled_call(self._pool) as connection:
            await lease.renew(connection)

    async def give_back(self, lease: Lease) -> None:
        """Let somebody else have it at once."""
        async with pooled_call(self._pool) as connection:
            await lease.give_back(connection)

    async def position(self, consumer: str, log_epoch: Id) -> int:
        """How far ``consumer`` is in this log; 0 where it has seen another, or none."""
        async with pooled_call(self._pool) as connection:
            cursor = await connection.execute(_POSITION, (consumer,))
            row = await cursor.fetchone()
        if row is None or from_uuid(row[0]) != log_epoch:
            return 0
        return int(row[1])

    async def save(self, consumer: str, log_epoch: Id, position: int, lease: Lease) -> None:
        """Move a position forward, under a lease. Raises ``LeaseLost`` and moves nothing else."""
        values = {
            "lease": lease.name,
            "lease_epoch": lease.epoch,
            "consumer": consumer,
            "log_epoch": to_uuid(log_epoch),
            "position": position,
        }
        async with pooled_call(self._pool) as connection:
            cursor = await connection.execute(_SAVE, values)
            if await cursor.fetchone() is None:
                raise LeaseLost(f"the checkpoint {position} of {consumer} was refused")
