"""Selects that are built and compiled once, and asked with other values each time.

To build a select and to find its compiled form costs more than to send it. That is worth it for a
list with its filters, not for what nearly every request asks in the same words.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import TupleRow
from sqlalchemy import BindParameter, CompoundSelect, Select, bindparam
from sqlalchemy.dialects.postgresql import psycopg as dialect
from sqlalchemy.types import TypeEngine

from infrastructure.ids import UlidType, from_uuid, to_uuid

AnySelect = Select[Any] | CompoundSelect[Any]

_DIALECT: Final = dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's


@dataclass(frozen=True, slots=True)
class Question:
    """A select, and the values of its parameters this time.

    ``build`` makes the select and is called once: all that changes stands in ``values``.
    """

    build: Callable[[], AnySelect]
    values: Mapping[str, Any]


def parameter(name: str, type_: type[TypeEngine[Any]] | TypeEngine[Any]) -> BindParameter[Any]:
    """A value that is known when the select is asked."""
    return bindparam(name, None, type_)


class PreparedSelect:
    """A select in the form that the driver takes."""

    def __init__(self, select: AnySelect) -> None:
        compiled = select.compile(dialect=_DIALECT)
        self.sql = str(compiled).encode()
        self._constants = compiled.params
        self._ids = _ids(compiled.binds)
        columns = {str(column.key): column for column in select.selected_columns}
        self._row = namedtuple("Row", columns)  # type: ignore[misc]  # noqa: PYI024 - any columns
        self._ids_found = [list(columns).index(name) for name in _ids(columns)]

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values of one question as the driver takes them."""
        bound = {**self._constants, **values}
        for name in self._ids:
            if bound[name] is not None:
                bound[name] = to_uuid(bound[name])
        return bound

    def rows(self, found: Iterable[TupleRow]) -> Sequence[Any]:
        """What was found, by the names of its columns."""
        return [self._row_of(list(values)) for values in found]

    def _row_of(self, values: list[Any]) -> Any:
        for place in self._ids_found:
            if values[place] is not None:
                values[place] = from_uuid(values[place])
        return self._row(*values)


def _ids(typed: Mapping[str, Any]) -> list[str]:
    return [name for name, of in typed.items() if isinstance(of.type, UlidType)]
