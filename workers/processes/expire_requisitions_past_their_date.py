"""When the time is over until which approved equipment was needed, what is open is given up."""

import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

from sqlalchemy import Executable, Row, func, literal, select, tuple_

from domain.errors import Refused
from domain.ports import Clock
from domain.requisitions.commands import ExpireRequisition
from domain.requisitions.handlers import expire
from infrastructure.all_tenants_reader import AllTenantsReader
from infrastructure.event_store.commands import Commands, Envelope
from infrastructure.ids import derived_id
from read_tables.requisitions import IS_OPEN, requisitions

NAME: Final = "expire requisitions past their date"
PAGE: Final = 100

logger = logging.getLogger(__name__)


async def expire_requisitions_past_their_date(
    reader: AllTenantsReader, commands: Commands, clock: Clock
) -> int:
    """Expire every requisition that is due now. Returns how many were.

    The same requisition and date make the same command id, so it does not matter how often or by
    how many timers this runs. Raises ``StoreUnavailable`` and ``OutcomeUnknown``; what is left is
    done the next time.
    """
    expired = 0
    async for due in _all_due(reader):
        expired += await _expire(due, commands, clock)
    return expired


async def _expire(due: Row[Any], commands: Commands, clock: Clock) -> bool:
    command_id = derived_id(NAME, due.id, due.needed_until.isoformat())
    envelope = Envelope(
        tenant_id=due.tenant_id,
        actor_id=None,
        correlation_id=command_id,
        command_id=command_id,
        turn=due.id,
    )
    command = ExpireRequisition(requisition_id=due.id, at=clock())
    try:
        answer = await commands.run(envelope, partial(expire, command))
    except Refused as refused:
        logger.info("requisition %s does not expire: %s", due.id, refused.code)
        return False
    return not answer.replayed


async def _all_due(reader: AllTenantsReader) -> AsyncIterator[Row[Any]]:
    page = await reader.rows(_due())
    while page:
        for row in page:
            yield row
        page = await reader.rows(_due(after=page[-1]))


def _due(after: Row[Any] | None = None) -> Executable:
    columns = requisitions.c
    due = (
        select(columns.id, columns.tenant_id, columns.needed_until)
        .where(IS_OPEN, columns.needed_until < func.clock_timestamp())
        .order_by(columns.needed_until, columns.id)
        .limit(PAGE)
    )
    if after is None:
        return due
    last = tuple_(literal(after.needed_until), literal(after.id, columns.id.type))
    return due.where(tuple_(columns.needed_until, columns.id) > last)
