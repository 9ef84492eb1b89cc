"""Leases: at most one process does a thing at a time, and a former one can no longer.

A lease ends by the clock of the database. Its holder counts from before it asked, on its own
clock, so it always gives up first; that clock runs on while the process is stopped. Every holder
gets another epoch, and what is written under an older one is refused.
"""

import os
import socket
from dataclasses import dataclass
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from infrastructure.clock import since_boot
from infrastructure.ids import new_id

_TAKE: Final = """
INSERT INTO delivery.leases AS held (name, holder, epoch, expires_at)
VALUES (%(name)s, %(holder)s, 1, clock_timestamp() + %(ttl)s * interval '1 second')
ON CONFLICT (name) DO UPDATE
    SET holder = EXCLUDED.holder, epoch = held.epoch + 1, expires_at = EXCLUDED.expires_at
    WHERE held.expires_at <= clock_timestamp()
RETURNING epoch
"""
_RENEW: Final = """
UPDATE delivery.leases SET expires_at = clock_timestamp() + %(ttl)s * interval '1 second'
WHERE name = %(name)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
RETURNING epoch
"""
_GIVE_BACK: Final = """
UPDATE delivery.leases SET expires_at = clock_timestamp()
WHERE name = %(name)s AND epoch = %(epoch)s AND expires_at > clock_timestamp()
"""


class LeaseLost(Exception):
    """Somebody else may hold the lease by now: nothing more may be done under it."""


@dataclass(slots=True)
class Lease:
    """A lease that is held until ``_until`` (``since_boot``). ``epoch`` counts its holders."""

    name: str
    epoch: int
    ttl_s: float
    _until: float

    def check(self, for_s: float = 0.0) -> None:
        """Raise ``LeaseLost`` unless it is held at this moment, and for ``for_s`` from now."""
        if since_boot() + for_s >= self._until:
            raise LeaseLost(f"the lease {self.name} has run out")

    async def renew(self, connection: AsyncConnection[TupleRow]) -> None:
        """Hold it for another ``ttl_s`` from now. Raises ``LeaseLost``."""
        asked_at = since_boot()
        values = {"name": self.name, "epoch": self.epoch, "ttl": self.ttl_s}
        cursor = await connection.execute(_RENEW, values)
        if await cursor.fetchone() is None:
            raise LeaseLost(f"the lease {self.name} was taken over")
        self._until = asked_at + self.ttl_s

    async def give_back(self, connection: AsyncConnection[TupleRow]) -> None:
        """Let somebody else have it at once."""
        self._until = since_boot()
        await connection.execute(_GIVE_BACK, {"name": self.name, "epoch": self.epoch})


async def take(
    connection: AsyncConnection[TupleRow], name: str, holder: str, ttl_s: float
) -> Lease | None:
    """The lease, if nobody holds it."""
    asked_at = since_boot()
    cursor = await connection.execute(_TAKE, {"name": name, "holder": holder, "ttl": ttl_s})
    row = await cursor.fetchone()
    return None if row is None else Lease(name, row[0], ttl_s, asked_at + ttl_s)


def holder_name() -> str:
    """This process, for whoever looks at the leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()}"
