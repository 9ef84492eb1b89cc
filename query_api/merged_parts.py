"""A list of which several things let a row in.

A list is read through one index, in its order, as far as the page needs. Where several things
let a row in (one's own, one's projects', …), each part is read so through an index of its own
and the parts are merged: a condition with OR would read until it has found enough, which is the
whole table for somebody who may see little of it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, union

from query_api.keyset import Sort, Window
from query_api.tenant_scope import TenantScope


def part_of(
    scope: TenantScope,
    window: Window,
    table: Table,
    otherwise: ColumnElement[Any],
    conditions: Sequence[ColumnElement[bool]],
) -> Select[Any]:
    """The keys of the rows of one part, as far as the page needs them.

    ``otherwise`` is the key of a list that is sorted by id alone.
    """
    key = otherwise if window.sort.key is None else window.sort.key
    part = scope.select(table, table.c.id, key.label("key")).where(*conditions)
    return window.begin(part)


def merged_page(
    scope: TenantScope,
    window: Window,
    parts: Sequence[Select[Any]],
    table: Table,
    shown: Sequence[ColumnElement[Any]],
) -> Select[Any]:
    """The columns ``shown`` of one page of what all parts find."""
    found = union(*parts).subquery("found")
    page, descending = window.page, window.sort.descending
    keys = (
        scope.values(found)
        .order_by(*Sort(found.c.id, found.c.key, descending=descending).order())
        .limit(page.limit + 1)
        .offset(page.offset)
        .subquery("page")
    )
    # One by one: so few rows are never worth a look at the whole table.
    found_one = scope.select(table, *shown).where(table.c.id == keys.c.id).limit(1)
    in_order = Sort(keys.c.id, keys.c.key, descending=descending).order()
    return scope.each(keys, found_one.lateral("shown")).order_by(*in_order)
