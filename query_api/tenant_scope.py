"""The only way to build a select: inside one tenant.

Row-level security is the second wall. A select that does not start here has only that one; a
test refuses the import of ``sqlalchemy.select`` anywhere else in this package.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    Table,
    false,
    select,
    true,
)

from domain.ids import Id
from infrastructure.ids import UlidType
from infrastructure.prepared_selects import AnySelect, Question, parameter


@dataclass(frozen=True, slots=True)
class TenantScope:
    """Selects of one tenant's rows. Without a tenant they find nothing."""

    tenant_id: Id | None

    def select(self, table: Table, *columns: ColumnElement[Any]) -> Select[Any]:
        """Columns of the tenant's rows of ``table``."""
        return select(*(columns or table.c)).select_from(table).where(self.owns(table))

    def owns(self, table: Table) -> ColumnElement[bool]:
        """The condition that a row of ``table`` is the tenant's."""
        if self.tenant_id is None:
            return false()
        own: ColumnElement[bool] = table.c.tenant_id == self.tenant_id
        return own

    def each(self, driver: FromClause, found: FromClause) -> Select[Any]:
        """All that ``found`` finds for each row of ``driver``.

        Both must be tenant-scoped, or be values rather than a table.
        """
        return select(*found.c).select_from(driver).join(found, true())

    def values(self, found: FromClause) -> Select[Any]:
        """All of a subquery whose own selects are tenant-scoped."""
        return select(*found.c)

    def asks(self, build: Callable[[], AnySelect], **values: Any) -> Question:
        """A select ``for_any_tenant``, asked for this one, with the values of its parameters."""
        return Question(build, {**values, "tenant_id": self.tenant_id})

    def page(self, table: Table, keys: FromClause, *columns: ColumnElement[Any]) -> Select[Any]:
        """The tenant's rows of ``table`` whose ids stand in ``keys``."""
        return self.select(table, *(columns or table.c)).join(keys, keys.c.id == table.c.id)


# A parameter stands where the id would: SQLAlchemy compares a column with either.
_ANY_TENANT: Final = TenantScope(cast("Id", parameter("tenant_id", UlidType)))


def for_any_tenant(build: Callable[[TenantScope], AnySelect]) -> Callable[[], AnySelect]:
    """A select that is built once, for all tenants: whose rows it reads is said when it is asked."""
    return partial(build, _ANY_TENANT)


def worked_out_once(value: ColumnElement[Any]) -> ScalarSelect[Any]:
    """The same value, which Postgres works out before it looks at any row; it reads no table."""
    return select(value).scalar_subquery()
