"""How many calls to a tenant's inventory all our processes together may still make.

Every call is granted beforehand, and a minute later another may be: within any minute there are
never more than the limit, whoever makes them. ``Granted`` is the rule, as data; ``SharedCalls``
keeps it per tenant in Postgres, and fetches as many at a time as were needed lately, so that a
high limit does not cost a question for each call.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.ids import Id
from infrastructure.ids import to_uuid
from infrastructure.pooled_call import pooled_call
from infrastructure.postgres import Connection, Pool

MINUTE_S: Final = 60
HOLD_S: Final = 1.0
"""For so long a call may be made that was granted; one that was not made by then is lost."""
SPAN: Final = timedelta(seconds=MINUTE_S + HOLD_S)
"""A call may be made a moment after it was granted, so a minute of grants is that much longer."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The calls that were granted lately: when, and how many, oldest first."""

    times: tuple[datetime, ...] = ()
    calls: tuple[int, ...] = ()

    def lately(self, at: datetime) -> "Granted":
        """Without those that no longer count."""
        gone = sum(one <= at - SPAN for one in self.times)
        return Granted(self.times[gone:], self.calls[gone:])

    def left(self, most: int, at: datetime) -> int:
        """How many more may be granted now."""
        return max(most - sum(self.lately(at).calls), 0)

    def with_more(self, calls: int, at: datetime) -> "Granted":
        """With these granted, too."""
        lately = self.lately(at)
        return Granted((*lately.times, at), (*lately.calls, calls))

    def wait_s(self, most: int, at: datetime) -> float:
        """After how many seconds another may be granted; 0 where one may be now."""
        lately = self.lately(at)
        wait_s, over = 0.0, sum(lately.calls) - most
        for when, calls in zip(lately.times, lately.calls, strict=True):
            if over < 0:
                break
            wait_s, over = (when + SPAN - at).total_seconds(), over - calls
        return wait_s


_MAKE: Final = """
INSERT INTO inventory.calls_granted (tenant_id, times, calls) VALUES (%s, '{}', '{}')
ON CONFLICT DO NOTHING
"""
_FIND: Final = """
SELECT times, calls, clock_timestamp() FROM inventory.calls_granted WHERE tenant_id = %s
"""
# Only over what was found: two processes that find the same do not both take the last calls.
_KEEP: Final = """
UPDATE inventory.calls_granted SET times = %s, calls = %s
WHERE tenant_id = %s AND times = %s::timestamptz[] AND calls = %s::integer[]
"""


class SharedCalls:
    """``infrastructure.snipe_it.budget.Allowance``: one tenant's, for this process.

    Times are those of the database's clock, so that processes need not agree about theirs.
    """

    def __init__(
        self,
        pool: Pool,
        tenant_id: Id,
        calls_per_minute: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._tenant = to_uuid(tenant_id)
        self._most = calls_per_minute
        self._most_at_once = max(calls_per_minute // MINUTE_S, 1)
        self._clock = clock
        self._one_asks = asyncio.Lock()
        self._fetched = self._held = 0
        self._held_until = 0.0

    async def take(self) -> float:
        """Leave for one call. Returns 0, or the seconds after which it is worth asking again.

        Raises ``StoreUnavailable``.
        """
        async with self._one_asks:
            if not self._held or self._clock() >= self._held_until:
                asked_at = self._clock()
                self._fetched, wait_s = await self._fetch(self._at_once())
                self._held, self._held_until = self._fetched, asked_at + HOLD_S
                if not self._held:
                    return wait_s
            self._held -= 1
            return 0.0

    def _at_once(self) -> int:
        """Twice as many as before where all were made, else no more than were."""
        wanted = self._fetched - self._held if self._held else 2 * self._fetched
        return min(max(wanted, 1), self._most_at_once)

    async def _fetch(self, wanted: int) -> tuple[int, float]:
        """So many calls are ours; where there are none, how long it takes until there are."""
        async with pooled_call(self._pool) as connection:
            while True:
                granted, at = await self._found(connection)
                calls = min(wanted, granted.left(self._most, at))
                if not calls:
                    return 0, granted.wait_s(self._most, at)
                if await self._kept(connection, granted.with_more(calls, at), granted):
                    return calls, 0.0

    async def _found(self, connection: Connection) -> tuple[Granted, datetime]:
        """What was granted lately, and what time the database has."""
        while True:
            row = await (await connection.execute(_FIND, (self._tenant,))).fetchone()
            if row is not None:
                return Granted(tuple(row[0]), tuple(row[1])), row[2]
            await connection.execute(_MAKE, (self._tenant,))

    async def _kept(self, connection: Connection, new: Granted, found: Granted) -> bool:
        """Whether nobody was faster."""
        values = (*_columns(new), self._tenant, *_columns(found))
        return (await connection.execute(_KEEP, values)).rowcount == 1


def _columns(granted: Granted) -> tuple[list[datetime], list[int]]:
    return list(granted.times), list(granted.calls)
