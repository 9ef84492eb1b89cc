"""What the watch over an inventory stands on: what we say, the tools, and leave to look closer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from domain.ids import Id
from infrastructure.inventory.work_queue import lease_name
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.errors import UnexpectedForm
from workers.snipe_it_sync.attempt import Tools
from workers.snipe_it_sync.ports import Lease, Leases

AT_ONCE: Final = 20
"""So many operations, assets and accessories are looked at in one round: reads are counted. The
others have their turn in the rounds that follow."""

UNREADABLE: Final = (UnexpectedForm, LookupError, ValueError)
"""What is wrong with one thing alone: the others are looked at all the same."""

Holder = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Lent:
    """An asset that we say somebody has. ``holder`` and ``external_id`` as the inventory has them.

    ``noted`` is who has it there as far as is noted: the holder, or whom a drift names, where it has
    ``drifted``. All this is so at the assignment's ``version``.
    """

    assignment_id: Id
    version: int
    external_id: int
    holder: Holder
    noted: Holder | None
    drifted: bool

    def is_noted(self, shown: Holder | None) -> bool:
        """Whether all is said that there is to say where ``shown`` has it there.

        A drift that names the holder is over: since it was noted, they were mapped to another
        number there.
        """
        return shown == self.noted and not (self.drifted and shown == self.holder)


class Records(Protocol):
    """What we say, to be compared with the inventory. It may be a moment old."""

    async def given_up(self, tenant_id: Id, within: timedelta) -> Sequence[Id]:
        """Operations that were begun and given up lately, of which no effect is known."""
        ...

    async def lent(self, tenant_id: Id) -> Sequence[Lent]:
        """Every asset that is out and not on its way."""
        ...

    async def units_lent(self, tenant_id: Id) -> Mapping[int, Sequence[Id]]:
        """The assignments with units out and not on their way, by the accessory's number there."""
        ...


@dataclass(frozen=True, slots=True)
class Lookout:
    """Over one tenant's inventory."""

    tenant_id: Id
    tools: Tools
    leases: Leases
    records: Records

    async def lease(self, thing: str, snipe_it: SnipeIt) -> Lease | None:
        """The lease of a thing on which no operation is under way."""
        lease_s = self.tools.timing.lease_s(snipe_it.connection.deadlines)
        lease = await self.leases.take(lease_name(self.tenant_id, thing), lease_s)
        if lease is not None and await self.tools.queue.waits(self.tenant_id, thing):
            await lease.give_back()
            return None
        return lease
