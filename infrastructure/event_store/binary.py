"""Postgres values in binary form, built in one pass.

A batch of commands travels as one value, a record of arrays. The driver's own dumpers look at
every element twice and in Python; here each column is one join.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.adapt import Dumper
from psycopg.pq import Format

Field = tuple[int, bytes]
"""A type's oid, and a value of it in binary form."""

_BYTEA, _BYTEA_ARRAY = 17, 1001
_INT8, _INT8_ARRAY = 20, 1016
_INT4, _INT4_ARRAY = 23, 1007
_TEXT, _TEXT_ARRAY = 25, 1009
_UUID, _UUID_ARRAY = 2950, 2951

_ARRAY = Struct("!iiIii").pack  # dimensions, has nulls, element type, length, lower bound
_FIELD = Struct("!Ii").pack  # type, length
_LENGTH = Struct("!i").pack
_SIZED_INT4 = Struct("!ii").pack
_SIZED_INT8 = Struct("!iq").pack
_NULL: Final = _LENGTH(-1)
_UUID_LENGTH: Final = _LENGTH(16)


class Record:
    """A value of a composite type. Postgres finds out from the context which one."""

    __slots__ = ("data",)

    def __init__(self, fields: Sequence[Field]) -> None:
        parts = [_LENGTH(len(fields))]
        for oid, data in fields:
            parts.append(_FIELD(oid, len(data)))
            parts.append(data)
        self.data = b"".join(parts)


def uuid(value: UUID) -> Field:
    """``uuid``."""
    return _UUID, value.bytes


def uuids(values: Iterable[UUID | None]) -> Field:
    """``uuid[]``."""
    sized = [_NULL if v is None else _UUID_LENGTH + v.bytes for v in values]
    return _UUID_ARRAY, _array(_UUID, sized)


def texts(values: Iterable[str | None]) -> Field:
    """``text[]``."""
    return _TEXT_ARRAY, _array(_TEXT, [_NULL if v is None else _sized(v.encode()) for v in values])


def byteas(values: Iterable[bytes | None]) -> Field:
    """``bytea[]``."""
    return _BYTEA_ARRAY, _array(_BYTEA, [_NULL if v is None else _sized(v) for v in values])


def integers(values: Iterable[int]) -> Field:
    """``integer[]``."""
    return _INT4_ARRAY, _array(_INT4, [_SIZED_INT4(4, v) for v in values])


def bigints(values: Iterable[int]) -> Field:
    """``bigint[]``."""
    return _INT8_ARRAY, _array(_INT8, [_SIZED_INT8(8, v) for v in values])


def _array(element: int, sized: Sequence[bytes]) -> bytes:
    return _ARRAY(1, 1, element, len(sized), 1) + b"".join(sized)


def _sized(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


class _RecordDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Record) -> bytes:
        return obj.data


def register(connection: AsyncConnection[tuple[object, ...]]) -> None:
    """Teach a connection to send records."""
    connection.adapters.register_dumper(Record, _RecordDumper)
