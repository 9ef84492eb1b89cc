"""Pages of a list: where the next one begins is a cursor, not a count.

A cursor holds the sort value and the id of the last row that was shown, so rows that come in
between move nothing. It is signed, and belongs to one tenant, one list, its filters and its sort.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Query
from sqlalchemy import ColumnElement, Row, Select, cast, literal, tuple_
from sqlalchemy.types import Text

from query_api.errors import BadCursor

DEFAULT_LIMIT: Final = 100
LARGEST_LIMIT: Final = 500
LARGEST_OFFSET: Final = 10_000
CURSOR_LIMIT: Final = 4_000
"""Characters: a name of 200 that take four bytes each makes some 1,100."""

_SEAL_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page a client asks for."""

    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    offset: int = 0


async def page_query(
    limit: Annotated[
        int, Query(ge=1, le=LARGEST_LIMIT, description="How many items at most.")
    ] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None,
        Query(
            max_length=CURSOR_LIMIT,
            description="`next` of the page before, with the same filters.",
        ),
    ] = None,
    offset: Annotated[
        int, Query(ge=0, le=LARGEST_OFFSET, description="Items to leave out. For small lists.")
    ] = 0,
) -> PageQuery:
    """The page that a request asks for."""
    return PageQuery(limit, cursor, offset)


Page = Annotated[PageQuery, Depends(page_query)]


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of rows: by ``key``, and by ``id`` where that is the same.

    ``field`` and ``id_field`` are the row's attributes that hold them, ``without`` stands for
    None. Without a ``key`` rows are ordered by ``id`` alone.
    """

    id: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    field: str = ""
    id_field: str = "id"
    descending: bool = False
    without: str | None = None

    def order(self) -> list[ColumnElement[Any]]:
        """The columns to order by."""
        columns = [self.id] if self.key is None else [self.key, self.id]
        return [column.desc() if self.descending else column.asc() for column in columns]

    def after(self, place: Sequence[Any]) -> ColumnElement[bool]:
        """The condition that a row comes after the place of a cursor."""
        value, row_id = place
        own_id = literal(row_id, self.id.type)
        if self.key is None:
            return self.id < own_id if self.descending else self.id > own_id
        keys = tuple_(self.key, self.id)
        # As text, for Postgres to read: "infinity" is a time, too.
        border = tuple_(cast(literal(value, Text()), self.key.type), own_id)
        return keys < border if self.descending else keys > border

    def place(self, row: Row[Any]) -> list[Any]:
        """The place of a row, as a cursor holds it."""
        value = getattr(row, self.field) if self.field else None
        return [self.without if value is None else value, getattr(row, self.id_field)]


@dataclass(frozen=True, slots=True)
class Cursors:
    """Cursors of one list: sealed for it, its tenant, its filters and its sort."""

    secret: bytes
    list_name: str
    fingerprint: Mapping[str, Any]

    def write(self, place: Sequence[Any]) -> str:
        """The cursor of a place."""
        text = orjson.dumps(place, option=orjson.OPT_UTC_Z)
        return urlsafe_b64encode(self._seal(text) + text).decode().rstrip("=")

    def read(self, cursor: str) -> list[Any]:
        """The place in a cursor. Raises ``BadCursor`` for one that is not of this list."""
        try:
            sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise BadCursor from error
        seal, text = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(text)):
            raise BadCursor
        place: list[Any] = orjson.loads(text)
        return place

    def _seal(self, text: bytes) -> bytes:
        bound = orjson.dumps([self.list_name, self.fingerprint], option=orjson.OPT_SORT_KEYS)
        key = hmac.digest(self.secret, b"cursor", "sha256")
        return hmac.new(key, bound + b"\n" + text, hashlib.sha256).digest()[:_SEAL_BYTES]


@dataclass(frozen=True, slots=True)
class Window:
    """One page of one list: the part of a select that shows it."""

    page: PageQuery
    sort: Sort
    cursors: Cursors

    def place(self) -> list[Any] | None:
        """Where the page begins. Raises ``BadCursor``."""
        return None if self.page.cursor is None else self.cursors.read(self.page.cursor)

    def begin(self, statement: Select[Any]) -> Select[Any]:
        """The rows from the page's beginning on, in order: enough of them for the page."""
        place = self.place()
        if place is not None:
            statement = statement.where(self.sort.after(place))
        return statement.order_by(*self.sort.order()).limit(self.page.offset + self.page.limit + 1)

    def cut(self, statement: Select[Any]) -> Select[Any]:
        """The rows of the page, and one more to know whether there is a next one."""
        statement = self.begin(statement).limit(self.page.limit + 1)
        return statement.offset(self.page.offset) if self.page.offset else statement

    def shown(self, rows: Sequence[Row[Any]]) -> tuple[Sequence[Row[Any]], str | None]:
        """The rows to show, and the cursor of the next page."""
        if len(rows) <= self.page.limit:
            return rows, None
        rows = rows[: self.page.limit]
        return rows, self.cursors.write(self.sort.place(rows[-1]))
