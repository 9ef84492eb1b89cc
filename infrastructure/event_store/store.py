"""The event store as one command sees it: ``domain.ports.Store``."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import NotFound, VersionMismatch
from domain.ids import Id
from domain.ports import Receipt, RowChange
from infrastructure.event_store import topics
from infrastructure.event_store.aggregate_cache import AggregateCache
from infrastructure.event_store.append import NewEvent
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.postgres import Pool, severed_after

A = TypeVar("A", bound=Aggregate)

READ_S: Final = 2.0
_NEWER: Final = "SELECT originator_version, topic, state FROM log.read_stream(%s, %s, %s)"


class OfTenant(Protocol):
    """Every aggregate belongs to a tenant."""

    tenant_id: Id


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command wants stored: its events, what they rest on, and its receipt's parts."""

    id: Id
    version: int
    line_id: Id | None
    events: Sequence[NewEvent]
    checked: Sequence[tuple[UUID, int]]
    changes: Sequence[RowChange]


class Streams:
    """Reads aggregates, through the cache."""

    def __init__(self, pool: Pool, cache: AggregateCache) -> None:
        self._pool = pool
        self._cache = cache

    async def load(self, kind: type[A], tenant: UUID, id: UUID) -> A | None:
        """The aggregate as it is now, in one round trip that reads only what is new of it."""
        aggregate = self.remembered(kind, tenant, id)
        newer = await self._newer(tenant, id, aggregate.version if aggregate else 0)
        for version, topic, state in newer:
            event = topics.decode(id, version, topic, state)
            aggregate = cast("A", event.mutate(cast("Any", aggregate)))
        if not isinstance(aggregate, kind):
            return None
        if newer:
            self._cache.put(tenant, aggregate)
        return aggregate

    def remembered(self, kind: type[A], tenant: UUID, id: UUID) -> A | None:
        """The aggregate as this process last saw it: others may have moved it since."""
        return self._cache.get(kind, tenant, id)

    def keep(self, aggregates: Sequence[Aggregate]) -> None:
        """Remember aggregates whose events have just been stored, each for its own tenant."""
        for aggregate in aggregates:
            self._cache.put(_tenant_of(aggregate), aggregate)

    def forget(self) -> None:
        """Read every stream from its beginning again: the log may be another one now."""
        self._cache.clear()

    async def _newer(self, tenant: UUID, id: UUID, version: int) -> list[tuple[int, str, bytes]]:
        async with self._pool.connection() as connection, severed_after(connection, READ_S):
            cursor = await connection.execute(_NEWER, (tenant, id, version), prepare=True)
            return await cursor.fetchall()


class CommandStore:
    """One attempt of one command. ``append`` stores what is wanted and returns the position.

    With ``guess`` a remembered aggregate is taken as it is, without a round trip: the log checks
    its version when the command is appended. ``guessed`` names those: a refusal that rests on
    them may be wrong.
    """

    def __init__(
        self,
        streams: Streams,
        tenant_id: Id,
        append: Callable[[Wanted], Awaitable[int]],
        *,
        guess: bool,
    ) -> None:
        self._streams = streams
        self._tenant = to_uuid(tenant_id)
        self._append = append
        self._guess = guess
        self.guessed: dict[UUID, int] = {}

    async def load(self, kind: type[A], id: Id, expected_version: int | None = None) -> A:
        """The aggregate as it is now. Raises ``NotFound`` and ``VersionMismatch``."""
        aggregate = await self._found(kind, to_uuid(id))
        if aggregate is None:
            raise NotFound
        if expected_version is not None and aggregate.version != expected_version:
            raise VersionMismatch(expected_version, aggregate.version)
        return aggregate

    async def _found(self, kind: type[A], id: UUID) -> A | None:
        if self._guess:
            aggregate = self._streams.remembered(kind, self._tenant, id)
            if aggregate is not None:
                self.guessed[id] = aggregate.version
                return aggregate
        return await self._streams.load(kind, self._tenant, id)

    async def save(
        self,
        aggregate: Aggregate,
        *others: Aggregate,
        changes: Sequence[RowChange] = (),
        unchanged: Sequence[tuple[Id, int]] = (),
        line_id: Id | None = None,
    ) -> Receipt:
        """Append the pending events of all given aggregates; the receipt is the first one's.

        Where that is not possible it raises what ``Commands.run`` knows how to go on from: a
        handler lets it pass, and never saves again.
        """
        events: list[NewEvent] = []
        checked = [(to_uuid(id), version) for id, version in unchanged]
        checked.extend(self.guessed.items())
        for one in (aggregate, *others):
            pending = one.collect_events()
            if one.id not in self.guessed:
                checked.append((one.id, one.version - len(pending)))
            tenant = _tenant_of(one)
            for event in pending:
                topic, state = topics.encode(event)
                events.append(NewEvent(one.id, event.originator_version, topic, state, tenant))
        wanted = Wanted(
            from_uuid(aggregate.id), aggregate.version, line_id, events, checked, changes
        )
        position = await self._append(wanted)
        self._streams.keep((aggregate, *others))
        return Receipt(wanted.id, wanted.version, position, line_id)

    async def note(self, id: Id, changes: Sequence[RowChange]) -> Receipt:
        """Write rows that go with no event. The position is the log's head."""
        position = await self._append(Wanted(id, 1, None, (), (), changes))
        return Receipt(id, 1, position)


def _tenant_of(aggregate: Aggregate) -> UUID:
    return to_uuid(cast("OfTenant", aggregate).tenant_id)
