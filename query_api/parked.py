"""Objects that are not up to date, because an event of theirs was put aside."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Text, any_, exists, literal
from sqlalchemy.dialects.postgresql import ARRAY

from domain.ids import Id
from query_api.errors import ProjectionParked
from query_api.reader import Reading
from query_api.tenant_scope import TenantScope
from read_tables.positions import parked_events


def is_parked(
    scope: TenantScope,
    aggregate_id: ColumnElement[Any] | Id,
    projections: Sequence[str] | BindParameter[Any],
) -> ColumnElement[bool]:
    """The condition that one of ``projections`` has put an event of the aggregate aside."""
    parked = parked_events.c
    return exists(
        scope.select(parked_events, parked.position).where(
            parked.aggregate_id == aggregate_id, parked.projection == any_(_array(projections))
        )
    )


async def refuse_if_parked(reading: Reading, aggregate_id: Id) -> None:
    """Raise ``ProjectionParked`` rather than say that there is no such object."""
    await _refuse(reading, parked_events.c.aggregate_id == aggregate_id)


async def refuse_if_parked_at(reading: Reading, position: int) -> None:
    """Raise ``ProjectionParked`` rather than say that there is nothing made of this event."""
    await _refuse(reading, parked_events.c.position == position)


async def _refuse(reading: Reading, condition: ColumnElement[bool]) -> None:
    parked = parked_events.c
    found = reading.scope.select(parked_events, parked.position).where(
        condition, parked.projection == any_(_array(reading.projections))
    )
    if await reading.row(found.limit(1)) is not None:
        raise ProjectionParked(reading.position)


def _array(names: Sequence[str] | BindParameter[Any]) -> BindParameter[Any]:
    if isinstance(names, BindParameter):
        return names
    return literal(list(names), ARRAY(Text()))
