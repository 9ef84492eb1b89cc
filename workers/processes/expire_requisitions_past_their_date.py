"""When the time is over until which approved equipment was needed, what is open is given up."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select

from domain.custody.allocation import expire
from domain.requisitions.commands import ExpireRequisition
from read_tables.requisitions import IS_OPEN, requisitions
from workers.due import Due, Process

_R: Final = requisitions.c


def _past_their_date(now: datetime) -> Select[Any]:
    return select(_R.id, _R.tenant_id, _R.needed_until).where(IS_OPEN, _R.needed_until < now)


def _expire(row: Row[Any], at: datetime) -> Due:
    what = (row.id, row.needed_until.isoformat())
    return Due(what, ExpireRequisition(requisition_id=row.id, at=at), expire)


expire_requisitions_past_their_date: Final = Process(
    name="expire requisitions past their date",
    find=_past_their_date,
    by=_R.needed_until,
    id=_R.id,
    ask=_expire,
)
