"""The statements for the rows of projections in one schema.

One statement reads the rows of all tables of a batch, and one writes them, with the positions: a
batch costs by the number of its statements, and little by what is in them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final, LiteralString

import orjson
from psycopg import sql
from sqlalchemy import Column

from infrastructure.ids import UlidType, from_uuid, to_uuid
from infrastructure.projection_rows import Change, OwnedTable, ParkedEvent, Row, RowsRefused

PUT_ASIDE: Final = 0
"""The source of what is parked or to be passed over; the tables count from 1.

What is read begins with source, projection, aggregate and position; then come the columns.
"""

_PUT_ASIDE: Final = (
    "SELECT 0, projection, aggregate_id, NULL::bigint{nothing} FROM {parked}"
    " WHERE projection = ANY(%(projections)s) AND aggregate_id = ANY(%(aggregates)s)"
    " UNION ALL SELECT 0, projection, NULL, position{nothing} FROM {skipped}"
    " WHERE projection = ANY(%(projections)s) AND position = ANY(%(positions)s)"
)
_ROWS: Final = (
    " UNION ALL SELECT {source}, NULL, NULL, NULL{columns} FROM {table}"
    " WHERE {by} = ANY(%(aggregates)s)"
)
_PARK: Final = (
    "park AS (INSERT INTO {parked} (projection, position, tenant_id, aggregate_id, type, error,"
    " attempts, parked_at) SELECT projection, position, tenant_id, aggregate_id, type, error,"
    " attempts, clock_timestamp() FROM jsonb_populate_recordset(NULL::{parked}, %s)"
    " ON CONFLICT (projection, position) DO UPDATE SET error = EXCLUDED.error,"
    " attempts = {parked_name}.attempts + EXCLUDED.attempts)"
)
_MOVE: Final = (
    "moved AS (UPDATE {positions} SET position = %s WHERE projection = ANY(%s) AND position < %s"
    " RETURNING projection, position)"
    " SELECT pg_notify(%s, string_agg(projection || ':' || position, ' ')) FROM moved"
)


class TableSql:
    """What the statements say of one table."""

    def __init__(self, owned: OwnedTable, schema: str) -> None:
        self.owned = owned
        self.columns = [str(column.name) for column in owned.table.columns]
        self.name = sql.Identifier(schema, owned.name)
        self._ulids = _ulid_columns(owned.table.columns)
        keys = [str(column.name) for column in owned.table.primary_key.columns]
        rest = [name for name in self.columns if name not in keys]
        given = sql.SQL("FROM jsonb_populate_recordset(NULL::{}, %s)").format(self.name)
        changes = _each("{0} = EXCLUDED.{0}", rest)
        self.upsert = (
            sql.SQL("INSERT INTO {} ({}) SELECT {} {} ON CONFLICT ({}) DO {}")
            .format(
                self.name,
                _each("{}", self.columns),
                _each("{}", self.columns),
                given,
                _each("{}", keys),
                sql.SQL("UPDATE SET {}").format(changes) if rest else sql.SQL("NOTHING"),
            )
            .as_bytes()
        )
        self.delete = (
            sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} {})")
            .format(self.name, _each("{}", keys), _each("{}", keys), given)
            .as_bytes()
        )

    def row_of(self, values: Sequence[Any]) -> Row:
        """A loaded row."""
        row = dict(zip(self.columns, values, strict=True))
        for name in self._ulids:
            if row[name] is not None:
                row[name] = from_uuid(row[name])
        return row

    def json_of(self, rows: Iterable[Row]) -> str:
        """Rows as the statements take them. Raises ``RowsRefused``."""
        return _json_of(self._plain(row) for row in rows)

    def _plain(self, row: Row) -> Row:
        ids = {name: to_uuid(row[name]) for name in self._ulids if row.get(name) is not None}
        return {**row, **ids}


class Statements:
    """The statements of one schema, made once."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._names = {
            "positions": sql.Identifier(schema, "projection_positions"),
            "parked": sql.Identifier(schema, "parked_events"),
            "parked_name": sql.Identifier("parked_events"),
            "skipped": sql.Identifier(schema, "skipped_events"),
        }
        self._tables: dict[str, TableSql] = {}
        self._named: dict[str, bytes] = {}
        self._loads: dict[tuple[str, ...], bytes] = {}

    def table(self, owned: OwnedTable) -> TableSql:
        """What they say of a table."""
        if owned.name not in self._tables:
            self._tables[owned.name] = TableSql(owned, self._schema)
        return self._tables[owned.name]

    def named(self, text: LiteralString) -> bytes:
        """A statement about positions and parked events."""
        if text not in self._named:
            self._named[text] = sql.SQL(text).format(**self._names).as_bytes()
        return self._named[text]

    def load(self, tables: Sequence[TableSql]) -> bytes:
        """Read what is put aside and the rows of aggregates: each row says where it comes from."""
        key = tuple([table.owned.name for table in tables])
        if key not in self._loads:
            self._loads[key] = self._load(tables).as_bytes()
        return self._loads[key]

    def _load(self, tables: Sequence[TableSql]) -> sql.Composed:
        parts = [sql.SQL(_PUT_ASIDE).format(**self._names, nothing=_columns_of(None, tables))]
        for source, table in enumerate(tables, start=1):
            arm = sql.SQL(_ROWS).format(
                source=source,
                columns=_columns_of(table, tables),
                table=table.name,
                by=sql.Identifier(table.owned.by),
            )
            parts.append(arm)
        return sql.Composed(parts)

    def write(
        self, changes: Sequence[Change], parked: Sequence[ParkedEvent] = ()
    ) -> tuple[bytes, list[str]]:
        """Make changes and put events aside; with its values. Raises ``RowsRefused``."""
        steps, values = self._steps(changes, parked)
        return b"WITH " + b", ".join(steps) + b" SELECT", values

    def write_and_move(
        self, changes: Sequence[Change], parked: Sequence[ParkedEvent]
    ) -> tuple[bytes, list[str]]:
        """The same, then move positions and announce them: four more values."""
        steps, values = self._steps(changes, parked)
        return b"WITH " + b", ".join([*steps, self.named(_MOVE)]), values

    def _steps(
        self, changes: Sequence[Change], parked: Sequence[ParkedEvent]
    ) -> tuple[list[bytes], list[str]]:
        steps: list[bytes] = []
        values: list[str] = []
        for change in changes:
            table = self.table(change.owned)
            for text, rows in ((table.delete, change.gone), (table.upsert, change.rows)):
                if rows:
                    steps.append(b"step_%d AS (" % len(steps) + text + b")")
                    values.append(table.json_of(rows))
        if parked:
            steps.append(self.named(_PARK))
            values.append(_json_of(map(_parked_row, parked)))
        return steps, values


def array_of(values: Iterable[object]) -> str:
    """Names, ids or numbers as Postgres reads an array; psycopg takes many times as long for it."""
    return "{" + ",".join(map(str, values)) + "}"


def _parked_row(event: ParkedEvent) -> Row:
    ids = {"tenant_id": to_uuid(event.tenant_id), "aggregate_id": to_uuid(event.aggregate_id)}
    return {**asdict(event), **ids}


def _columns_of(read: TableSql | None, tables: Sequence[TableSql]) -> sql.Composed:
    """The columns of all tables: NULL, of their type, but for the one that is read."""
    own, nothing = sql.SQL(", {column}"), sql.SQL(", (NULL::{table}).{column}")
    return sql.Composed(
        [
            (own if table is read else nothing).format(
                table=table.name, column=sql.Identifier(name)
            )
            for table in tables
            for name in table.columns
        ]
    )


def _each(template: LiteralString, names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(template).format(sql.Identifier(name)) for name in names)


def _ulid_columns(columns: Iterable[Column[Any]]) -> list[str]:
    return [str(column.name) for column in columns if isinstance(column.type, UlidType)]


def _json_of(rows: Iterable[Row]) -> str:
    try:
        return orjson.dumps(list(rows), default=_plain_value).decode()
    except (TypeError, ValueError, KeyError) as error:
        raise RowsRefused(str(error)) from error


def _plain_value(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    message = f"no JSON form for {type(value).__name__}"
    raise TypeError(message)
