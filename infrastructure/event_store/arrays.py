"""Postgres arrays in binary form, built in one pass.

A batch of commands travels as a handful of arrays. The driver's own list dumper looks at every
element twice and in Python; here each column is one join (about ten times less work).
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEADER = Struct("!iiIii").pack  # dimensions, has nulls, element type, length, lower bound
_LENGTH = Struct("!i").pack
_INT4 = Struct("!ii").pack
_INT8 = Struct("!iq").pack
_NULL = _LENGTH(-1)
_UUID_LENGTH = _LENGTH(16)


class Array:
    """An array in its binary form; each subclass is one Postgres type."""

    __slots__ = ("data",)
    element = 0
    oid = 0

    def __init__(self, values: Sequence[bytes]) -> None:
        self.data = _HEADER(1, 1, self.element, len(values), 1) + b"".join(values)


class Uuids(Array):
    """``uuid[]``."""

    element, oid = 2950, 2951

    def __init__(self, values: Iterable[UUID | None]) -> None:
        super().__init__([_NULL if v is None else _UUID_LENGTH + v.bytes for v in values])


class Texts(Array):
    """``text[]``."""

    element, oid = 25, 1009

    def __init__(self, values: Iterable[str | None]) -> None:
        super().__init__([_NULL if v is None else _sized(v.encode()) for v in values])


class Byteas(Array):
    """``bytea[]``."""

    element, oid = 17, 1001

    def __init__(self, values: Iterable[bytes | None]) -> None:
        super().__init__([_NULL if v is None else _sized(v) for v in values])


class Integers(Array):
    """``integer[]``."""

    element, oid = 23, 1007

    def __init__(self, values: Iterable[int]) -> None:
        super().__init__([_INT4(4, v) for v in values])


class Bigints(Array):
    """``bigint[]``."""

    element, oid = 20, 1016

    def __init__(self, values: Iterable[int]) -> None:
        super().__init__([_INT8(8, v) for v in values])


def _sized(value: bytes) -> bytes:
    return _LENGTH(len(value)) + value


class _AsIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        return obj.data


def register(connection: AsyncConnection[tuple[object, ...]]) -> None:
    """Teach a connection to send these arrays."""
    for kind in (Uuids, Texts, Byteas, Integers, Bigints):
        dumper = type(f"{kind.__name__}Dumper", (_AsIs,), {"oid": kind.oid})
        connection.adapters.register_dumper(kind, dumper)
