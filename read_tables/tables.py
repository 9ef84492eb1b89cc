"""What all read tables have in common: their schema, and short names for column types.

Read tables are written by projectors and read by the query API. They hold ids, never names or
addresses: those are joined from the identity tables when a page is read. Times come from the
log's database clock (``recorded_at``), so a time read here can be asked for again as ``as_of``.
"""

from typing import Any

from sqlalchemy import Column, DateTime, Integer, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import JSONB

from infrastructure.ids import UlidType

LIVE_SCHEMA = "read"
"""Where the tables that are being read stand. A rebuild fills others beside it."""

metadata = MetaData(schema=LIVE_SCHEMA)

AMOUNT = Numeric(14, 2)


def ulid(name: str, *, key: bool = False, null: bool = False) -> Column[Any]:
    """A column of an id: ULID text in Python, uuid in Postgres."""
    return Column(name, UlidType(), primary_key=key, nullable=null)


def text(name: str, *, null: bool = False) -> Column[Any]:
    """A column of text."""
    return Column(name, Text(), nullable=null)


def whole(name: str) -> Column[Any]:
    """A column of whole numbers."""
    return Column(name, Integer(), nullable=False)


def time(name: str, *, null: bool = False) -> Column[Any]:
    """A column of points in time."""
    return Column(name, DateTime(timezone=True), nullable=null)


def document(name: str, *, null: bool = False) -> Column[Any]:
    """A column of JSON."""
    return Column(name, JSONB(none_as_null=True), nullable=null)
