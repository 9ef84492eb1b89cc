"""The rows of projections in Postgres: loaded and written for many aggregates at a time.

One transaction holds the position, the rows and the parked events of one projection. Statements
are sent as a pipeline: a batch costs two round trips, whatever its size. A commit does not wait
for the disk: rows and position are lost together, and the log has it all.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString, Self, cast

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import PoolTimeout

from domain.ids import Id
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.postgres import (
    Connection,
    Pool,
    parameters,
    pipelined_transaction,
    severed_after,
)
from infrastructure.projection_rows import (
    Loaded,
    Measure,
    OwnedTable,
    ParkedEvent,
    Row,
    RowsRefused,
    Standing,
    TableSql,
)

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

_POSITION: Final = (
    "SELECT version, epoch, position FROM {positions} WHERE projection = %s FOR UPDATE"
)
_BEGIN: Final = (
    "INSERT INTO {positions} (projection, version, epoch, position) VALUES (%s, %s, %s, 0)"
    " ON CONFLICT DO NOTHING"
)
_MOVE: Final = (
    "UPDATE {positions} SET position = %s WHERE projection = %s"
    " RETURNING pg_notify(%s, projection || ':' || position)"
)
_PUT_ASIDE: Final = (
    "SELECT DISTINCT aggregate_id, NULL::bigint FROM {parked}"
    " WHERE projection = %s AND aggregate_id = ANY(%s)"
    " UNION ALL SELECT NULL, position FROM {skipped} WHERE projection = %s AND position = ANY(%s)"
)
_PARK: Final = (
    "INSERT INTO {parked} (projection, position, tenant_id, aggregate_id, type, error, attempts,"
    " parked_at) VALUES (%s, %s, %s, %s, %s, %s, %s, clock_timestamp())"
    " ON CONFLICT (projection, position) DO UPDATE SET error = EXCLUDED.error,"
    " attempts = {parked_name}.attempts + EXCLUDED.attempts"
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

    tables: Sequence[OwnedTable]
    aggregates: Collection[Id]
    positions: Sequence[int]


@dataclass(frozen=True, slots=True)
class _Loading:
    """The answers to what was asked, once they are there."""

    what: Wanted
    put_aside: Cursor
    rows: Sequence[tuple[TableSql, Cursor]]

    async def loaded(self) -> Loaded:
        rows: dict[Id, dict[str, list[Row]]] = {
            aggregate: {owned.name: [] for owned in self.what.tables}
            for aggregate in self.what.aggregates
        }
        for table, cursor in self.rows:
            for values in await cursor.fetchall():
                row = table.row_of(values)
                rows[row[table.owned.by]][table.owned.name].append(row)
        aside = await self.put_aside.fetchall()
        return Loaded(
            rows,
            parked={from_uuid(aggregate) for aggregate, _ in aside if aggregate is not None},
            skipped={position for _, position in aside if position is not None},
        )


class ProjectionTransaction:
    """One transaction on the rows of one projection."""

    def __init__(self, connection: Connection, store: "ProjectionStore", projection: str) -> None:
        self._connection = connection
        self._store = store
        self._projection = projection

    async def lock(self, epoch: Id, version: int) -> Standing:
        """Where the projection is; no other transaction moves it until this one ends.

        A projection without a position begins at 0 of the log of ``epoch``.
        """
        row = await (await self._ask_position()).fetchone()
        return _standing(row) if row else await self._begin(epoch, version)

    async def lock_and_load(self, epoch: Id, version: int, what: Wanted) -> tuple[Standing, Loaded]:
        """Both in one round trip: the rows are read when the lock is there."""
        position = await self._ask_position()
        loading = await self._ask_rows(what)
        row = await position.fetchone()
        if row is None:
            return await self._begin(epoch, version), await self.load(what)
        return _standing(row), await loading.loaded()

    async def load(self, what: Wanted) -> Loaded:
        """What a batch of events starts from."""
        return await (await self._ask_rows(what)).loaded()

    async def _ask_position(self) -> Cursor:
        return await self._run(_POSITION, (self._projection,))

    async def _begin(self, epoch: Id, version: int) -> Standing:
        await self._run(_BEGIN, (self._projection, version, to_uuid(epoch)))
        return _standing(cast("TupleRow", await (await self._ask_position()).fetchone()))

    async def _ask_rows(self, what: Wanted) -> _Loading:
        ids = [to_uuid(aggregate) for aggregate in what.aggregates]
        put_aside = (self._projection, ids, self._projection, what.positions)
        return _Loading(
            what,
            await self._run(_PUT_ASIDE, put_aside),
            [
                (table, await self._connection.execute(table.load, (ids,)))
                for table in (self._store.sql_of(owned) for owned in what.tables)
                if not table.owned.append_only
            ],
        )

    async def write(self, owned: OwnedTable, rows: Sequence[Row], gone: Sequence[Row]) -> None:
        """Put rows in the place of those with the same key, and delete ``gone``."""
        table = self._store.sql_of(owned)
        if gone:
            await self._connection.execute(table.delete, (table.json_of(gone).decode(),))
        if rows:
            await self._connection.execute(table.upsert, (table.json_of(rows).decode(),))

    async def park(self, events: Iterable[ParkedEvent]) -> None:
        """Put events aside."""
        for event in events:
            await self._run(
                _PARK,
                (
                    self._projection,
                    event.position,
                    to_uuid(event.tenant_id),
                    to_uuid(event.aggregate_id),
                    event.type,
                    event.error,
                    event.attempts,
                ),
            )

    async def positions_parked(self, aggregate_id: Id) -> list[int]:
        """Where the parked events of an aggregate are, in order."""
        cursor = await self._run(_POSITIONS_PARKED, (self._projection, to_uuid(aggregate_id)))
        return [row[0] for row in await cursor.fetchall()]

    async def aggregate_parked_at(self, position: int) -> Id | None:
        """The aggregate of the event that is parked at a position."""
        cursor = await self._run(_AGGREGATE_PARKED, (self._projection, position))
        row = await cursor.fetchone()
        return None if row is None else from_uuid(row[0])

    async def unpark(self, positions: Sequence[int]) -> None:
        """Take events back."""
        await self._run(_UNPARK, (self._projection, list(positions)))

    async def skip(self, position: int) -> None:
        """Note that a parked event is to be passed over, now and in every rebuild."""
        await self._run(_SKIP, (self._projection, position))

    async def move(self, position: int) -> None:
        """Set the position, and announce it when the transaction commits."""
        await self._run(_MOVE, (position, self._projection, self._store.channel))

    async def announce(self, position: int) -> None:
        """Wake those who wait for the projection's rows, when the transaction commits."""
        payload = f"{self._projection}:{position}"
        await self._connection.execute("SELECT pg_notify(%s, %s)", (self._store.channel, payload))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part of the transaction that can fail alone. Raises ``RowsRefused``."""
        try:
            async with self._connection.transaction():
                yield
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(str(error)) from error

    async def _run(self, statement: LiteralString, values: Sequence[Any]) -> Cursor:
        return await self._connection.execute(self._store.statement(statement), values)


class ProjectionStore:
    """The rows, positions and parked events of all projections in one schema."""

    def __init__(self, url: str, channel: str, schema: str = "read", pool_size: int = 4) -> None:
        self.channel = channel
        self._schema = schema
        self._tables: dict[str, TableSql] = {}
        self._statements: dict[str, bytes] = {}
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

    def sql_of(self, owned: OwnedTable) -> TableSql:
        """The statements of a table."""
        if owned.name not in self._tables:
            self._tables[owned.name] = TableSql(owned, self._schema)
        return self._tables[owned.name]

    def statement(self, text: LiteralString) -> bytes:
        """A statement about positions and parked events, in this schema."""
        if text not in self._statements:
            self._statements[text] = (
                sql.SQL(text)
                .format(
                    positions=sql.Identifier(self._schema, "projection_positions"),
                    parked=sql.Identifier(self._schema, "parked_events"),
                    parked_name=sql.Identifier("parked_events"),
                    skipped=sql.Identifier(self._schema, "skipped_events"),
                )
                .as_bytes()
            )
        return self._statements[text]

    @asynccontextmanager
    async def transaction(
        self, projection: str, *, pipelined: bool = True
    ) -> AsyncIterator[ProjectionTransaction]:
        """A transaction for one projection, committed at the end.

        Raises ``RowsRefused`` where Postgres does not take the rows, ``StoreUnavailable`` where it
        cannot be had. Pipelined, a refusal shows up later than the statement it belongs to.
        """
        try:
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(self._pool.connection())
                await stack.enter_async_context(severed_after(connection, TRANSACTION_S))
                await stack.enter_async_context(
                    pipelined_transaction(connection) if pipelined else connection.transaction()
                )
                yield ProjectionTransaction(connection, self, projection)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(str(error)) from error
        except (psycopg.Error, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error

    async def parked(self, limit: int = 1000) -> list[ParkedEvent]:
        """The parked events of all projections, in order. Raises ``StoreUnavailable``."""
        async with self._connection() as connection:
            cursor = await connection.execute(self.statement(_LIST_PARKED), (limit,))
            rows = await cursor.fetchall()
        return [
            ParkedEvent(row[0], row[1], from_uuid(row[2]), from_uuid(row[3]), *row[4:])
            for row in rows
        ]

    async def measure(self, projection: str) -> Measure:
        """What the monitoring wants to know. Raises ``StoreUnavailable``."""
        async with self._connection() as connection:
            cursor = await connection.execute(self.statement(_MEASURE), {"projection": projection})
            row = cast("TupleRow", await cursor.fetchone())
        return Measure(row[0] or 0, row[1])

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection, severed_after(connection, CALL_S):
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error


def _standing(row: TupleRow) -> Standing:
    version, epoch, position = row
    return Standing(version, from_uuid(epoch), position)


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, connection)
