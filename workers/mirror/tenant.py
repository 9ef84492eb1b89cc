"""The mirror of one tenant: read in full, then kept up by the activity report.

The report tells what happened to assets, users, accessories and consumables; the rest is found by
the next full reading. A reading that fails has written some rows and no progress: it is repeated.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sized
from typing import Final

from domain.ports import Clock
from infrastructure.inventory.mirror_store import Begun, MirrorStore
from infrastructure.snipe_it.client import SnipeIt
from infrastructure.snipe_it.reading import PAGE
from infrastructure.snipe_it.records import Activity
from workers.mirror.things import BY_KIND, THINGS, Thing

CALLS_OF_A_LIST: Final = 3
"""What reading a whole list costs beside its pages: that many things are read one by one."""

Progress = Callable[[str, int], None]
"""Told of each kind that has been read in full, with how many there are."""


class TenantMirror:
    """``check`` is called before every write and raises where another process may be at it now.

    Both readings raise ReadFailed, UnexpectedForm, what ``check`` raises, and the driver's errors.
    """

    def __init__(
        self,
        snipe_it: SnipeIt,
        store: MirrorStore,
        clock: Clock,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._snipe_it = snipe_it
        self._store = store
        self._clock = clock
        self._check = check

    async def sweep(self, progress: Progress = lambda _kind, _things: None) -> None:
        """Read everything, and find what is gone."""
        begun = self._clock()
        # What happens from here on is read once more, by the report.
        newest = await self._snipe_it.read.newest_activity()
        for thing in THINGS:
            progress(thing.kind, await self._sweep_kind(thing))
        await self._match()
        last = 0 if newest is None else newest.id
        self._check()
        await self._store.save_state(self._base_url, last, begun, begun)

    async def catch_up(self) -> int | None:
        """Read again what the report tells of. Returns how many rows of it were new.

        None where the report is not the one that was read before: then only a sweep will do.
        """
        state = await self._store.state()
        if state is None or state.last_activity_id is None or state.base_url != self._base_url:
            return None
        begun = self._clock()
        newest = await self._snipe_it.read.newest_activity()
        newest_id = 0 if newest is None else newest.id
        if newest_id < state.last_activity_id:
            return None
        told = (
            await self._snipe_it.read.activity_since(state.last_activity_id)
            if newest_id > state.last_activity_id
            else []
        )
        for kind, external_ids in _touched(told).items():
            await self._reread(BY_KIND[kind], external_ids)
        await self._match()
        last = told[-1].id if told else state.last_activity_id
        self._check()
        await self._store.save_state(self._base_url, last, begun)
        return len(told)

    @property
    def _base_url(self) -> str:
        return self._snipe_it.connection.base_url

    async def _sweep_kind(self, thing: Thing[object]) -> int:
        begun = await self._begin()
        await self._read_list(thing, begun)
        unseen = await self._store.unseen(thing.kind, begun)
        if not thing.certain and await self._are_few(thing, unseen):
            await self._read_one_by_one(thing, unseen)
            unseen = []
        elif not thing.certain:
            # What was between two lists is in one of them the next time.
            await self._read_list(thing, begun)
            unseen = await self._store.unseen(thing.kind, begun)
        self._check()
        await self._store.put_away(thing.kind, unseen, begun)
        if thing.kind in _WITH_IDS:
            await self._store.give_ids(thing.kind)
        return await self._store.complete(thing.kind, begun.at)

    async def _read_list(self, thing: Thing[object], begun: Begun) -> None:
        rows = await thing.all(self._snipe_it)
        self._check()
        await self._store.put(thing.kind, rows, begun)

    async def _are_few(self, thing: Thing[object], external_ids: Sized) -> bool:
        """Whether to read these one by one costs less than to read the whole list."""
        pages = await self._store.living(thing.kind) // PAGE
        return len(external_ids) <= pages + CALLS_OF_A_LIST

    async def _reread(self, thing: Thing[object], external_ids: set[int]) -> None:
        if not await self._are_few(thing, external_ids):
            await self._sweep_kind(thing)
            return
        await self._read_one_by_one(thing, sorted(external_ids))
        if thing.kind in _WITH_IDS:
            await self._store.give_ids(thing.kind)

    async def _read_one_by_one(self, thing: Thing[object], external_ids: Iterable[int]) -> None:
        for external_id in external_ids:
            begun = await self._begin()
            row = await thing.single(self._snipe_it, external_id)
            self._check()
            if row is None:
                await self._store.put_away(thing.kind, [external_id], begun)
            else:
                await self._store.put(thing.kind, [row], begun)

    async def _begin(self) -> Begun:
        return await self._store.begin(self._clock())

    async def _match(self) -> None:
        self._check()
        await self._store.match_members()


_WITH_IDS: Final = frozenset(BY_KIND) - {"user"}
"""Users stand for members, who have their ids already."""


def _touched(told: Iterable[Activity]) -> dict[str, set[int]]:
    touched: dict[str, set[int]] = defaultdict(set)
    for activity in told:
        if activity.item is not None and activity.item.type in BY_KIND:
            touched[activity.item.type].add(activity.item.id)
    return touched
