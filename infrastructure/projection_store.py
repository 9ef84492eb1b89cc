"""The rows of projections in Postgres: loaded and written for many aggregates at a time.

One transaction holds the positions, the rows and the parked events of the projections that move
together: three statements and two round trips, whatever the size of the batch. A commit does not
wait for the disk: rows and positions are lost together, and the log has it all.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString, Self, cast

import orjson
import psycopg
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import PoolTimeout

from domain.ids import Id
from infrastructure.errors import StoreUnavailable, TableUnavailable
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.postgres import (
    Connection,
    Pool,
    parameters,
    severed_after,
)
from infrastructure.projection_rows import (
    Change,
    Loaded,
    Measure,
    OwnedTable,
    ParkedEvent,
    RowsRefused,
    Standing,
)
from infrastructure.projection_statements import PUT_ASIDE, Statements, TableSql, array_of

Cursor = psycopg.AsyncCursor[TupleRow]

POOL_TIMEOUT_S: Final = 5.0
CALL_S: Final = 10.0
TRANSACTION_S: Final = 60.0

_TIMEOUTS: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "transaction_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
_SETTINGS: Final = {"synchronous_commit": "off", "timezone": "UTC", "jit": "off"}

_NOTHING_CAN_BE_HAD: Final = ("08", "53", "57P", "58")
"""Classes of Postgres errors: connections, resources, shutdown, the system below it."""

_POSITIONS: Final = (
    "SELECT projection, version, epoch, position FROM {positions} WHERE projection = ANY(%s)"
    " ORDER BY projection FOR UPDATE"
)
_BEGIN: Final = (
    "INSERT INTO {positions} (projection, version, epoch, position) VALUES (%s, %s, %s, 0)"
    " ON CONFLICT DO NOTHING"
)
_POSITIONS_PARKED: Final = (
    "SELECT position FROM {parked} WHERE projection = %s AND aggregate_id = %s ORDER BY position"
)
_AGGREGATE_PARKED: Final = (
    "SELECT aggregate_id FROM {parked} WHERE projection = %s AND position = %s"
)
_UNPARK: Final = "DELETE FROM {parked} WHERE projection = %s AND position = ANY(%s)"
_SKIP: Final = (
    "INSERT INTO {skipped} (projection, position, tenant_id, aggregate_id, type, skipped_at)"
    " SELECT projection, position, tenant_id, aggregate_id, type, clock_timestamp()"
    " FROM {parked} WHERE projection = %s AND position = %s ON CONFLICT DO NOTHING"
)
_LIST_PARKED: Final = (
    "SELECT projection, position, tenant_id, aggregate_id, type, error, attempts, parked_at"
    " FROM {parked} ORDER BY projection, position LIMIT %s"
)
_MEASURE: Final = (
    "SELECT (SELECT position FROM {positions} WHERE projection = %(projection)s),"
    " (SELECT count(*) FROM {parked} WHERE projection = %(projection)s)"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a batch of events needs to know: of these ``aggregates``, at these ``positions``."""

    projections: Sequence[str]
    tables: Sequence[OwnedTable]
    aggregates: Collection[Id]
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Loading:
    """The answer to what was asked, once it is there. ``tables`` are those that are read."""

    what: Wanted
    tables: Sequence[TableSql]
    answer: Cursor

    async def loaded(self) -> Loaded:
        loaded = Loaded(
            rows={
                aggregate: {owned.name: [] for owned in self.what.tables}
                for aggregate in self.what.aggregates
            },
            parked=set(),
            skipped=set(),
        )
        for source, projection, aggregate, position, *columns in await self.answer.fetchall():
            if source != PUT_ASIDE:
                self._add_row(loaded, source, columns)
            elif position is None:
                loaded.parked.add((projection, from_uuid(aggregate)))
            else:
                loaded.skipped.add((projection, position))
        return loaded

    def _add_row(self, loaded: Loaded, source: int, columns: Sequence[Any]) -> None:
        first = sum(len(table.columns) for table in self.tables[: source - 1])
        table = self.tables[source - 1]
        row = table.row_of(columns[first : first + len(table.columns)])
        loaded.rows[row[table.owned.by]][table.owned.name].append(row)


class ProjectionTransaction:
    """One transaction on the rows of projections."""

    def __init__(self, connection: Connection, channel: str, statements: Statements) -> None:
        self._connection = connection
        self._channel = channel
        self._statements = statements

    async def lock(self, epoch: Id, versions: Mapping[str, int]) -> dict[str, Standing]:
        """Where the projections are; no other transaction moves them until this one ends.

        ``versions`` are by projection. One without a position begins at 0 of the log of ``epoch``.
        """
        standings = await _standings(await self._ask_positions(versions))
        missing = versions.keys() - standings.keys()
        return await self._begin(epoch, versions, missing) if missing else standings

    async def lock_and_load(
        self, epoch: Id, versions: Mapping[str, int], what: Wanted
    ) -> tuple[dict[str, Standing], Loaded]:
        """Both in one round trip: the rows are read when the lock is there."""
        positions = await self._ask_positions(versions)
        loading = await self._ask_rows(what)
        standings = await _standings(positions)
        missing = versions.keys() - standings.keys()
        if missing:
            return await self._begin(epoch, versions, missing), await self.load(what)
        return standings, await loading.loaded()

    async def load(self, what: Wanted) -> Loaded:
        """What a batch of events starts from."""
        return await (await self._ask_rows(what)).loaded()

    async def _ask_positions(self, versions: Mapping[str, int]) -> Cursor:
        return await self._run(_POSITIONS, (array_of(versions),))

    async def _begin(
        self, epoch: Id, versions: Mapping[str, int], missing: Iterable[str]
    ) -> dict[str, Standing]:
        for projection in sorted(missing):
            await self._run(_BEGIN, (projection, versions[projection], to_uuid(epoch)))
        return await _standings(await self._ask_positions(versions))

    async def _ask_rows(self, what: Wanted) -> _Loading:
        tables = [self._statements.table(owned) for owned in what.tables if not owned.append_only]
        values = {
            "projections": array_of(what.projections),
            "aggregates": array_of(map(to_uuid, what.aggregates)),
            "positions": array_of(what.positions),
        }
        answer = await self._connection.execute(self._statements.load(tables), values)
        return _Loading(what, tables, answer)

    async def write(self, changes: Sequence[Change], parked: Sequence[ParkedEvent] = ()) -> None:
        """Put rows in the place of those with the same key, delete others, put events aside."""
        if changes or parked:
            await self._connection.execute(*self._statements.write(changes, parked))

    async def write_and_move(
        self,
        changes: Sequence[Change],
        parked: Sequence[ParkedEvent],
        projections: Iterable[str],
        position: int,
    ) -> None:
        """The same, and move the projections that are not so far; the commit announces it."""
        statement, values = self._statements.write_and_move(changes, parked)
        moved = (position, array_of(projections), position, self._channel)
        await self._connection.execute(statement, (*values, *moved))

    async def positions_parked(self, projection: str, aggregate_id: Id) -> list[int]:
        """Where the parked events of an aggregate are, in order."""
        cursor = await self._run(_POSITIONS_PARKED, (projection, to_uuid(aggregate_id)))
        return [row[0] for row in await cursor.fetchall()]

    async def aggregate_parked_at(self, projection: str, position: int) -> Id | None:
        """The aggregate of the event that is parked at a position."""
        cursor = await self._run(_AGGREGATE_PARKED, (projection, position))
        row = await cursor.fetchone()
        return None if row is None else from_uuid(row[0])

    async def unpark(self, projection: str, positions: Sequence[int]) -> None:
        """Take events back."""
        await self._run(_UNPARK, (projection, list(positions)))

    async def skip(self, projection: str, position: int) -> None:
        """Note that a parked event is to be passed over, now and in every rebuild."""
        await self._run(_SKIP, (projection, position))

    async def announce(self, projection: str, position: int) -> None:
        """Wake those who wait for the projection's rows, when the transaction commits."""
        payload = f"{projection}:{position}"
        await self._connection.execute("SELECT pg_notify(%s, %s)", (self._channel, payload))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that can fail alone. Raises ``RowsRefused``."""
        try:
            async with self._connection.transaction():
                yield
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(str(error)) from error

    async def _run(self, statement: LiteralString, values: Sequence[Any]) -> Cursor:
        return await self._connection.execute(self._statements.named(statement), values)


class ProjectionStore:
    """The rows, positions and parked events of all projections in one schema."""

    def __init__(self, url: str, channel: str, schema: str = "read", pool_size: int = 4) -> None:
        self._channel = channel
        self._statements = Statements(schema)
        self._pool = Pool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=POOL_TIMEOUT_S,
            open=False,
            configure=_configure,
            kwargs=parameters(**_TIMEOUTS, **_SETTINGS),
        )

    async def __aenter__(self) -> Self:
        """Begin to connect; what cannot be reached yet is tried again in the background."""
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections."""
        await self._pool.close(timeout=POOL_TIMEOUT_S)

    @asynccontextmanager
    async def transaction(self, *, pipelined: bool = True) -> AsyncIterator[ProjectionTransaction]:
        """A transaction, committed at the end.

        Raises ``RowsRefused`` where Postgres does not take the rows, ``TableUnavailable`` where a
        table cannot be had, and ``StoreUnavailable`` where nothing can.

        Pipelined, it needs neither BEGIN nor COMMIT: Postgres makes a transaction of what comes
        before the end of the pipeline. But an error outside of Postgres does not undo it, so all
        that is written in it has to be one statement. A refusal shows up at the end.
        """
        try:
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(self._pool.connection())
                await stack.enter_async_context(severed_after(connection, TRANSACTION_S))
                await stack.enter_async_context(
                    connection.pipeline() if pipelined else connection.transaction()
                )
                yield ProjectionTransaction(connection, self._channel, self._statements)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(str(error)) from error
        except psycopg.Error as error:
            raise _unavailable(error) from error
        except PoolTimeout as error:
            raise StoreUnavailable(str(error)) from error

    async def parked(self, limit: int = 1000) -> list[ParkedEvent]:
        """The parked events of all projections, in order. Raises ``StoreUnavailable``."""
        async with self._connection() as connection:
            cursor = await connection.execute(self._statements.named(_LIST_PARKED), (limit,))
            rows = await cursor.fetchall()
        return [
            ParkedEvent(row[0], row[1], from_uuid(row[2]), from_uuid(row[3]), *row[4:])
            for row in rows
        ]

    async def measure(self, projection: str) -> Measure:
        """What the monitoring wants to know. Raises ``StoreUnavailable``."""
        async with self._connection() as connection:
            cursor = await connection.execute(
                self._statements.named(_MEASURE), {"projection": projection}
            )
            row = cast("TupleRow", await cursor.fetchone())
        return Measure(row[0] or 0, row[1])

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection, severed_after(connection, CALL_S):
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error


def _unavailable(error: psycopg.Error) -> StoreUnavailable:
    if error.sqlstate is None or error.sqlstate.startswith(_NOTHING_CAN_BE_HAD):
        return StoreUnavailable(str(error))
    return TableUnavailable(str(error))


async def _standings(cursor: Cursor) -> dict[str, Standing]:
    return {
        projection: Standing(version, from_uuid(epoch), position)
        for projection, version, epoch, position in await cursor.fetchall()
    }


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, connection)
