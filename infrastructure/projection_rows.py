"""The rows of projections: what they look like, and what is known beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from domain.ids import Id

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
    any), which (projection, aggregate) have parked events, and which (projection, position) are to
    be passed over.
    """

    rows: dict[Id, dict[str, list[Row]]]
    parked: set[tuple[str, Id]]
    skipped: set[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Change:
    """Rows of a table that take the place of those with the same key, and rows that are gone."""

    owned: OwnedTable
    rows: Sequence[Row]
    gone: Sequence[Row]


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
