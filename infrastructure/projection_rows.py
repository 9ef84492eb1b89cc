"""The rows of a projection: what they look like, and the statements for their tables."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
from psycopg import sql
from psycopg.rows import TupleRow
from sqlalchemy import Column, Table

from domain.ids import Id
from infrastructure.ids import UlidType, from_uuid, to_uuid

Row = dict[str, Any]
"""A row: ids are ULID text, times aware datetimes, money Decimal, documents plain JSON."""

Rows = Mapping[str, Sequence[Row]]
"""The rows of one aggregate, by table name."""


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
        self.owned = owned
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
        self.load = (
            sql.SQL("SELECT {} FROM {} WHERE {} = ANY(%s)")
            .format(names, target, sql.Identifier(owned.by))
            .as_bytes()
        )
        self.upsert = (
            sql.SQL("INSERT INTO {} ({}) SELECT {} {} ON CONFLICT ({}) DO {}")
            .format(target, names, names, given, _names(keys), update)
            .as_bytes()
        )
        self.delete = (
            sql.SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} {})")
            .format(target, _names(keys), _names(keys), given)
            .as_bytes()
        )

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


def _ulid_columns(columns: Iterable[Column[Any]]) -> list[str]:
    return [str(column.name) for column in columns if isinstance(column.type, UlidType)]


def _names(names: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _plain_value(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    message = f"no JSON form for {type(value).__name__}"
    raise TypeError(message)
