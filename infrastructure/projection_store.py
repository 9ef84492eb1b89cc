"""The rows of projections in Postgres: loaded and written for many aggregates at a time.

One transaction holds the position, the rows and the parked events of one projection. Statements
are sent as a pipeline: a batch costs two round trips, whatever its size. A commit does not wait
for the disk: rows and position are lost together, and the log has it all.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, LiteralString, Self, cast

import orjson
import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import Column, Table

from domain.ids import Id
from infrastructure.errors import StoreUnavailable
from infrastructure.ids import UlidType, from_uuid, to_uuid
from infrastructure.postgres import Connection, Pool, parameters

Row = dict[str, Any]
"""A row: ids are ULID text, times aware datetimes, money Decimal, documents plain JSON."""

Rows = Mapping[str, Sequence[Row]]
"""The rows of one aggregate, by table name."""

POOL_TIMEOUT_S: Final = 5.0

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
_MOVE: Final = "UPDATE {positions} SET position = %s WHERE projection = %s"
_PARKED: Final = (
    "SELECT DISTINCT aggregate_id FROM {parked} WHERE projection = %s AND aggregate_id = ANY(%s)"
)
_SKIPPED: Final = "SELECT position FROM {skipped} WHERE projection = %s AND position = ANY(%s)"
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


class RowsRefused(Exception):
    """Postgres would not take the rows: a fold made something that its tables do not allow."""


@dataclass(frozen=True)
class OwnedTable:
    """A table that a projection writes. ``by`` is the column of the aggregate's id.

    An ``append_only`` table is never loaded: an event adds to it, whatever is there.
    """

    table: Table
    by: str
    append_only: bool = False

    @property
    def name(self) -> str:
        """The table's name, without schema."""
        return str(self.table.name)

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """The primary key of a row."""
        return tuple([row[column.name] for column in self.table.primary_key.columns])


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a projection is: ``position`` in the log of ``epoch``, folded by ``version``."""

    version: int
    epoch: Id
    position: int


@dataclass(frozen=True, slots=True)
class Measure:
    """How far a projection is, and how many of its events are parked."""

    position: int
    parked: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a batch starts from: ``rows`` of its aggregates (an empty list for each table without
    any), which of them have parked events, and which of its positions are to be passed over.
    """

    rows: dict[Id, dict[str, list[Row]]]
    parked: set[Id]
    skipped: set[int]


@dataclass(frozen=True, slots=True)
class ParkedEvent:
    """An event that was put aside. ``attempts`` counts how often it was tried."""

    projection: str
    position: int
    tenant_id: Id
    aggregate_id: Id
    type: str
    error: str
    attempts: int
    parked_at: datetime | None = None


class TableSql:
    """The statements for one table in one schema, made once."""

    def __init__(self, owned: OwnedTable, schema: str) -> None:
        table = owned.table
        self.columns = [str(column.name) for column in table.columns]
        keys = [str(column.name) for column in table.primary_key.columns]
        self._ulids = _ulid_columns(table.columns)
        target = sql.Identifier(schema, table.name)
        names = _names(self.columns)
        given = sql.SQL("FROM jsonb_populate_recordset(NULL::{}, %s)").format(target)
        rest = [name for name in self.columns if name not in keys]
        changes = sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in rest
        )
        update = sql.SQL("UPDATE SET {}").format(changes) if rest else sql.SQL("NOTHING")
        self.load = sql.SQL("SELECT {} FROM {} WHERE {} = ANY(%s)").format(
            names, target, sql.Identifier(owned.by)
        ).as_bytes()
        self.upsert = sql.SQL("INSERT INTO {} ({}) SELECT {} {} ON CONFLICT ({}) DO {}").format(
            target, names, names, given, _names(keys), update
        ).as_bytes()
        self.delete = sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} {})").format(
            target, _names(keys), _names(keys), given
        ).as_bytes()

    def row_of(self, values: TupleRow) -> Row:
        """A loaded row."""
        row = dict(zip(self.columns, values, strict=True))
        for name in self._ulids:
            if row[name] is not None:
                row[name] = from_uuid(row[name])
        return row

    def json_of(self, rows: Iterable[Row]) -> bytes:
        """Rows as the statements take them. Raises ``RowsRefused``."""
        try:
            return orjson.dumps([self._plain(row) for row in rows], default=_plain_value)
        except (TypeError, ValueError, KeyError) as error:
            raise RowsRefused(str(error)) from error

    def _plain(self, row: Row) -> Row:
        ids = {name: to_uuid(row[name]) for name in self._ulids if row.get(name) is not None}
        return {**row, **ids}


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
        cursor = await self._run(_POSITION, (self._projection,))
        row = await cursor.fetchone()
        if row is None:
            await self._run(_BEGIN, (self._projection, version, to_uuid(epoch)))
            cursor = await self._run(_POSITION, (self._projection,))
            row = cast("TupleRow", await cursor.fetchone())
        return Standing(row[0], from_uuid(row[1]), row[2])

    async def load(
        self, tables: Sequence[OwnedTable], aggregates: Iterable[Id], positions: Sequence[int]
    ) -> Loaded:
        """What a batch of events of ``aggregates``, at ``positions``, starts from."""
        rows: dict[Id, dict[str, list[Row]]] = {
            aggregate: {owned.name: [] for owned in tables} for aggregate in aggregates
        }
        ids = [to_uuid(aggregate) for aggregate in rows]
        skipped = await self._run(_SKIPPED, (self._projection, list(positions)))
        parked = await self._run(_PARKED, (self._projection, ids))
        cursors = [
            (owned, await self._connection.execute(self._store.sql_of(owned).load, (ids,)))
            for owned in tables
            if not owned.append_only
        ]
        for owned, cursor in cursors:
            table = self._store.sql_of(owned)
            for values in await cursor.fetchall():
                row = table.row_of(values)
                rows[row[owned.by]][owned.name].append(row)
        return Loaded(
            rows,
            parked={from_uuid(row[0]) for row in await parked.fetchall()},
            skipped={row[0] for row in await skipped.fetchall()},
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
        await self._run(_MOVE, (position, self._projection))
        await self.announce(position)

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

    async def _run(
        self, statement: LiteralString, values: Sequence[Any]
    ) -> psycopg.AsyncCursor[TupleRow]:
        return await self._connection.execute(self._store.statement(statement), values)


class ProjectionStore:
    """The rows, positions and parked events of all projections in one schema."""

    def __init__(self, url: str, channel: str, schema: str = "read", pool_size: int = 4) -> None:
        self.channel = channel
        self._schema = schema
        self._tables: dict[str, TableSql] = {}
        self._statements: dict[str, bytes] = {}
        self._pool: Pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=pool_size,
            timeout=POOL_TIMEOUT_S,
            open=False,
            configure=_configure,
            check=AsyncConnectionPool.check_connection,
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
            self._statements[text] = sql.SQL(text).format(
                positions=sql.Identifier(self._schema, "projection_positions"),
                parked=sql.Identifier(self._schema, "parked_events"),
                parked_name=sql.Identifier("parked_events"),
                skipped=sql.Identifier(self._schema, "skipped_events"),
            ).as_bytes()
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
                if pipelined:
                    await stack.enter_async_context(connection.pipeline())
                await stack.enter_async_context(connection.transaction())
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
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise StoreUnavailable(str(error)) from error


async def _configure(connection: Connection) -> None:
    set_json_loads(orjson.loads, connection)


def _ulid_columns(columns: Iterable[Column[Any]]) -> list[str]:
    return [str(column.name) for column in columns if isinstance(column.type, UlidType)]


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _plain_value(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    message = f"no JSON form for {type(value).__name__}"
    raise TypeError(message)
