"""Things of the inventory as the mirror holds them: one by its id, and lists of them.

They come from no event of ours: what is shown is as old as its ``as_of`` says. A thing that
nothing of ours stands for has no id, and is not shown.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import Query, Response
from pydantic import BaseModel
from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, and_

from domain.errors import NotFound, PermissionMissing
from domain.ids import Id
from domain.permissions import INVENTORY_READ
from infrastructure.inventory.tables import words
from query_api import answers
from query_api.keyset import Cursors, PageQuery, Sort, Window
from query_api.prefixes import after_all
from query_api.reader import Reading
from query_api.tenant_scope import TenantScope

READ: Final = INVENTORY_READ
_WORD: Final = re.compile(r"\w+")
_WORD_LENGTH: Final = 40

Shape = Callable[[Any], dict[str, Any]]

Search = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="Words, each by its beginning."),
]


class RefModel(BaseModel):
    """Another thing of the inventory. Without an ``id``, nothing of ours stands for it."""

    id: Id | None
    name: str | None


def ref(number: int | None, id: Id | None, name: str | None) -> dict[str, Any] | None:
    """Another thing of the inventory; None where none is named."""
    return None if number is None else {"id": id, "name": name}


def by_name(table: Table) -> Mapping[str, Sort]:
    """A list's orders where things have a name."""
    column = table.c
    return {
        name: Sort(
            id=column.external_id,
            key=column.name,
            field="name",
            id_field="external_id",
            descending=name.startswith("-"),
        )
        for name in ("name", "-name")
    }


def numbered(owner: Table, other: FromClause, number: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition of a join: ``other`` is the thing of this number, of the owner's tenant."""
    return and_(other.c.tenant_id == owner.c.tenant_id, other.c.external_id == number)


def told_by(
    scope: TenantScope, kind: str, number: ColumnElement[Any], q: str | None
) -> list[ColumnElement[bool]]:
    """The conditions that a thing has every word of ``q``, by its beginning."""
    return [number.in_(with_word(scope, kind, word)) for word in words_of(q)]


def with_word(scope: TenantScope, kind: str, word: str) -> Select[Any]:
    """The numbers of the things that have a word which begins so."""
    column = words.c
    return scope.select(words, column.external_id).where(
        column.kind == kind, column.word >= word, column.word < after_all(word)
    )


def words_of(q: str | None) -> list[str]:
    """The words that are looked for, as the mirror's are kept: lower case, each once."""
    return sorted({word[:_WORD_LENGTH] for word in _WORD.findall((q or "").lower())})


async def page_of(
    reading: Reading,
    page: PageQuery,
    sort: Sort,
    name: str,
    filters: Mapping[str, Any],
    statement: Select[Any],
    shape: Shape,
) -> Response:
    """One page of a list, under its name and filters."""
    fingerprint = {"tenant": reading.scope.tenant_id, **filters}
    window = Window(page, sort, Cursors(reading.sources.secret, name, fingerprint))
    rows, following = window.shown(await reading.rows(window.cut(statement)))
    return answers.page(reading, [shape(row) for row in rows], following)


async def one_of(reading: Reading, statement: Select[Any], what: str) -> Row[Any]:
    """The one thing that a select finds. Raises ``NotFound`` and ``PermissionMissing``."""
    row = await reading.row(statement)
    if row is None:
        raise NotFound(f"There is no such {what}.")
    if not reading.caller.may(READ):
        raise PermissionMissing(READ)
    return row
