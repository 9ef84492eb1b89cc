"""Whole read tables at once: made in a schema of their own, filled by COPY, compared, switched.

Only the role of the rebuild can do this; it owns the read tables. Row-level security refuses
COPY, so tables are guarded after they are filled and before anybody can read them.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy import Column, MetaData, Table, make_url
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from infrastructure.copy_rows import copy_text
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.postgres import Connection, connect, severed_after
from infrastructure.projection_rows import Row, Standing

CONNECT_S: Final = 5.0
WHOLE_S: Final = 6 * 60 * 60.0
"""A rebuild or a check of the largest log takes less."""

_TIMEOUTS: Final = {
    "statement_timeout": "30min",
    "lock_timeout": "10s",
    "transaction_timeout": "6h",
    "idle_in_transaction_session_timeout": "10min",
    "maintenance_work_mem": "128MB",
    "synchronous_commit": "off",
    "jit": "off",
}

_DIALECT: Final = make_url("postgresql+psycopg://").get_dialect()()

_GUARD: Final = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON {table} FOR SELECT TO qm_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY every_tenant ON {table} FOR ALL TO qm_projector, qm_rebuild
    USING (true) WITH CHECK (true);
CREATE POLICY every_tenant_to_read ON {table} FOR SELECT TO qm_worker USING (true);
GRANT SELECT ON {table} TO qm_query, qm_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO qm_projector;
"""
_STANDINGS: Final = "SELECT projection, version, epoch, position FROM {positions}"
_PARKED: Final = "SELECT projection, position FROM {parked} WHERE projection = ANY(%s)"
_SKIPPED: Final = "SELECT projection, position FROM {skipped}"
_STAND: Final = (
    "INSERT INTO {positions} (projection, version, epoch, position) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (projection) DO UPDATE SET version = EXCLUDED.version, epoch = EXCLUDED.epoch,"
    " position = EXCLUDED.position"
)
_COPY_SKIPPED: Final = "INSERT INTO {skipped} SELECT * FROM {live_skipped}"
_HOLD: Final = (
    "SELECT FROM {live_positions} WHERE projection = ANY(%s) ORDER BY projection FOR UPDATE"
)
_TAKE_POSITIONS: Final = (
    "INSERT INTO {live_positions} SELECT * FROM {positions} WHERE projection = ANY(%s)"
    " ON CONFLICT (projection) DO UPDATE SET version = EXCLUDED.version,"
    " epoch = EXCLUDED.epoch, position = EXCLUDED.position"
)
_UNPARK: Final = "DELETE FROM {live_parked} WHERE projection = ANY(%s)"
_TAKE_PARKED: Final = "INSERT INTO {live_parked} SELECT * FROM {parked} WHERE projection = ANY(%s)"
_DIGEST: Final = (
    "SELECT count(*), coalesce(sum(hashtextextended(({row})::text, 0)), 0) FROM {table}"
)
_FINGERPRINTS: Final = "SELECT ({key})::text, md5(({row})::text) FROM {table}"


class Busy(Exception):
    """Another rebuild or check is running."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What tells two tables apart: the number of rows, and the sum of their hashes."""

    rows: int
    total: int


class BulkTables:
    """Read tables in one schema, over one connection."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self._connection = connection
        self.schema = schema

    async def make(self, tables: Sequence[Table]) -> None:
        """Make empty tables in place of any that were left here, without indexes yet."""
        await self.drop(tables)
        for table in tables:
            await self._execute(CreateTable(self._here(table)))

    async def copy(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows."""
        names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
        target = sql.SQL("COPY {} ({}) FROM STDIN").format(self._name(table), names)
        async with self._connection.cursor() as cursor, cursor.copy(target) as copy:
            await copy.write(copy_text(table, rows))

    async def finish(self, tables: Sequence[Table]) -> None:
        """Give filled tables their indexes and statistics."""
        for table in tables:
            for index in sorted(self._here(table).indexes, key=lambda index: str(index.name)):
                await self._execute(CreateIndex(index))
            await self._run("ANALYZE {table}", table)

    async def guard(self, tables: Sequence[Table]) -> None:
        """Row-level security and grants, as on every read table."""
        for table in tables:
            await self._run(_GUARD, table)

    async def drop(self, tables: Sequence[Table]) -> None:
        """Clear up."""
        for table in tables:
            await self._run("DROP TABLE IF EXISTS {table}", table)

    async def digest(self, table: Table) -> Digest:
        """The table's digest."""
        cursor = await self._run(_DIGEST, table)
        ((rows, total),) = await cursor.fetchall()
        return Digest(rows, int(total))

    async def fingerprints(self, table: Table) -> dict[str, str]:
        """Every row's key and hash."""
        cursor = await self._run(_FINGERPRINTS, table)
        return {str(key): str(value) for key, value in await cursor.fetchall()}

    async def standings(self) -> dict[str, Standing]:
        """Where each projection is that stands in this schema."""
        cursor = await self._named(_STANDINGS)
        return {
            row[0]: Standing(row[1], from_uuid(row[2]), row[3]) for row in await cursor.fetchall()
        }

    async def parked(self, projections: Sequence[str]) -> set[tuple[str, int]]:
        """The projection and position of every parked event of these projections."""
        cursor = await self._named(_PARKED, list(projections))
        return {(row[0], row[1]) for row in await cursor.fetchall()}

    async def skipped(self) -> set[tuple[str, int]]:
        """The projection and position of every event that is to be passed over."""
        cursor = await self._named(_SKIPPED)
        return {(row[0], row[1]) for row in await cursor.fetchall()}

    async def copy_skipped(self, live: str) -> set[tuple[str, int]]:
        """As ``skipped`` in ``live``, and so in this schema from now on."""
        await self._named(_COPY_SKIPPED, live=live)
        return await self.skipped()

    async def stand(self, projection: str, standing: Standing) -> None:
        """Say where a projection is."""
        epoch = to_uuid(standing.epoch)
        await self._named(_STAND, projection, standing.version, epoch, standing.position)

    async def hold(self, live: str, projections: Sequence[str]) -> None:
        """Keep these projections of ``live`` from moving, until the transaction ends."""
        await self._named(_HOLD, list(projections), live=live)

    async def replace(self, live: str, tables: Sequence[Table], projections: Sequence[str]) -> None:
        """Put this schema's tables, positions and parked events in the place of those of ``live``."""
        for table in tables:
            await self._connection.execute(
                sql.SQL("DROP TABLE {}; ALTER TABLE {} SET SCHEMA {}").format(
                    sql.Identifier(live, str(table.name)), self._name(table), sql.Identifier(live)
                )
            )
        for statement in (_TAKE_POSITIONS, _UNPARK, _TAKE_PARKED):
            await self._named(statement, list(projections), live=live)

    async def announce(self, channel: str, projection: str, position: int) -> None:
        """Wake those who wait for the projection's rows, when the transaction commits."""
        await self._connection.execute(
            "SELECT pg_notify(%s, %s)", (channel, f"{projection}:{position}")
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All or nothing."""
        async with self._connection.transaction():
            yield

    async def _run(self, statement: LiteralString, table: Table) -> psycopg.AsyncCursor[TupleRow]:
        return await self._connection.execute(
            sql.SQL(statement).format(
                table=self._name(table),
                row=_row(table.columns),
                key=_row(table.primary_key.columns),
            )
        )

    async def _named(
        self, statement: LiteralString, *values: object, live: str = ""
    ) -> psycopg.AsyncCursor[TupleRow]:
        return await self._connection.execute(
            sql.SQL(statement).format(
                positions=sql.Identifier(self.schema, "projection_positions"),
                parked=sql.Identifier(self.schema, "parked_events"),
                skipped=sql.Identifier(self.schema, "skipped_events"),
                live_positions=sql.Identifier(live, "projection_positions"),
                live_parked=sql.Identifier(live, "parked_events"),
                live_skipped=sql.Identifier(live, "skipped_events"),
            ),
            values,
        )

    async def _execute(self, statement: ExecutableDDLElement) -> None:
        compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
        await self._connection.execute(str(compiled).encode())

    def _here(self, table: Table) -> Table:
        return table.to_metadata(MetaData(), schema=self.schema)

    def _name(self, table: Table) -> sql.Identifier:
        return sql.Identifier(self.schema, str(table.name))


@asynccontextmanager
async def bulk_tables(url: str, schema: str) -> AsyncIterator[BulkTables]:
    """The tables of a schema, for one process at a time. Raises ``Busy``."""
    async with (
        await connect(url, CONNECT_S, **_TIMEOUTS) as connection,
        severed_after(connection, WHOLE_S),
    ):
        cursor = await connection.execute(
            "SELECT pg_try_advisory_lock(hashtext(%s))", (f"quartermaster {schema}",)
        )
        if await cursor.fetchone() != (True,):
            raise Busy(f"another process is at work in the schema {schema}")
        yield BulkTables(connection, schema)


@asynccontextmanager
async def snapshot(url: str, schema: str) -> AsyncIterator[BulkTables]:
    """The tables of a schema as they are at this moment, to read."""
    async with (
        await connect(url, CONNECT_S, **_TIMEOUTS) as connection,
        severed_after(connection, WHOLE_S),
    ):
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield BulkTables(connection, schema)


def _row(columns: Iterable[Column[Any]]) -> sql.Composed:
    names = sql.SQL(", ").join(sql.Identifier(str(column.name)) for column in columns)
    return sql.SQL("ROW({})").format(names)
