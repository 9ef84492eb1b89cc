"""Drift of units: every unit of an accessory that is out is a row with a number of its own.

A row is never used twice: what is not listed any more was taken back over there, and what is
listed, whoever has it, is to be had back from there.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from domain.assignments.assignment import Assignment
from domain.assignments.commands import DetectUnitsDrift, DriftVanished
from domain.assignments.content import ACCESSORY
from domain.assignments.handlers import drift_vanished
from domain.custody.drift import detect_units_drift
from domain.errors import Refused
from domain.ids import Id, id_of
from infrastructure.snipe_it.client import SnipeIt
from workers.snipe_it_sync.lookout import AT_ONCE, UNREADABLE, Lookout
from workers.snipe_it_sync.turns import Turns
from workers.snipe_it_sync.twice import Twice

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class UnitsDrift:
    """The comparison of units; it remembers what it saw the last time.

    Which rows an assignment has is asked of the log: no list shows them.
    """

    lookout: Lookout
    _suspected: Twice[tuple[int, tuple[int, ...]]] = field(default_factory=Twice)
    _compared: Turns = field(default_factory=Turns)

    async def go_round(self, snipe_it: SnipeIt) -> None:
        """Compare the units of each accessory, of some accessories in this round."""
        lent = await self.lookout.records.units_lent(self.lookout.tenant_id)
        self._suspected.keep({id for ids in lent.values() for id in ids})
        things = {f"{ACCESSORY}:{number}": number for number in lent}
        for thing in islice(self._compared.take(things), AT_ONCE):
            await self._look_closer(thing, things[thing], lent[things[thing]], snipe_it)

    async def _look_closer(
        self, thing: str, number: int, ids: Sequence[Id], snipe_it: SnipeIt
    ) -> None:
        lease = await self.lookout.lease(thing, snipe_it)
        if lease is None:
            return
        try:
            lent = [one for id in ids if (one := await self._settled(id)) is not None]
            if not lent:
                return
            read_at = self.lookout.tools.clock()
            listed = await _listed(number, snipe_it)
            if listed is None:
                # It cannot be removed while units are out: somebody has to look.
                logger.warning("%s is not there, and %s are out", thing, len(lent))
                return
            for assignment in lent:
                await self._compare(assignment, listed, read_at)
        except UNREADABLE as error:
            logger.warning("%s cannot be read: %s", thing, error)
        finally:
            await lease.give_back()

    async def _settled(self, id: Id) -> Assignment | None:
        """An assignment, unless the inventory is being asked for something of it."""
        found = await self.lookout.tools.operations.assignment(self.lookout.tenant_id, id)
        return None if found is None or found.standing.pending else found

    async def _compare(
        self, assignment: Assignment, listed: Collection[int], read_at: datetime
    ) -> None:
        id, standing = id_of(assignment.id), assignment.standing
        unlisted = tuple(row for row in standing.rows if row not in listed)
        if unlisted == standing.unlisted:
            self._suspected.forget(id)
            return
        if not self._suspected.shows(id, (assignment.version, unlisted)):
            return
        try:
            await self._note(id, assignment.version, unlisted, read_at)
        except Refused as refused:
            logger.info("assignment %s has moved on: %s", id, refused.code)

    async def _note(
        self, id: Id, version: int, unlisted: tuple[int, ...], read_at: datetime
    ) -> None:
        tools, tenant_id = self.lookout.tools, self.lookout.tenant_id
        at = tools.clock()
        if unlisted:
            found = DetectUnitsDrift(
                assignment_id=id, version=version, unlisted=unlisted, read_at=read_at, at=at
            )
            await tools.ask(tenant_id, id, detect_units_drift, found)
        else:
            await tools.ask(tenant_id, id, drift_vanished, DriftVanished(assignment_id=id, at=at))


async def _listed(number: int, snipe_it: SnipeIt) -> set[int] | None:
    """The rows under which units of an accessory are out; None where there is no accessory."""
    if await snipe_it.read.accessory(number) is None:
        return None
    return {row.id for row in await snipe_it.read.accessory_checkouts(number)}
