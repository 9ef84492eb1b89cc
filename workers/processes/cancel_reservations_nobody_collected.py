"""When nobody has collected what was reserved for them, it is free for others again."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, select

from domain.assignments.commands import LapseReservation
from domain.custody.handlers import lapse
from read_tables.assignments import IS_TO_BE_COLLECTED, assignments
from workers.due import Due, Process

GRACE: Final = timedelta(days=2)
"""How long after its beginning a reservation waits to be collected."""
REASON: Final = "Nobody collected it."

_A: Final = assignments.c


def _not_collected(now: datetime) -> Select[Any]:
    return select(_A.id, _A.tenant_id, _A.begins).where(IS_TO_BE_COLLECTED, _A.begins < now - GRACE)


def _cancel(row: Row[Any], at: datetime) -> Due:
    command = LapseReservation(assignment_id=row.id, reason=REASON, at=at)
    return Due((row.id, row.begins.isoformat()), command, lapse)


cancel_reservations_nobody_collected: Final = Process(
    name="cancel reservations nobody collected",
    find=_not_collected,
    by=_A.begins,
    id=_A.id,
    ask=_cancel,
)
