"""When the time has passed at which something was due back, its assignment becomes overdue."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select

from domain.assignments.commands import MarkOverdue
from domain.assignments.content import State
from domain.assignments.handlers import mark_overdue
from read_tables.assignments import IS_TO_COME_BACK, assignments
from workers.due import Due, Process

_A: Final = assignments.c


def _late(now: datetime) -> Select[Any]:
    return select(_A.id, _A.tenant_id, _A.due).where(
        IS_TO_COME_BACK, _A.state == State.ACTIVE.value, _A.due < now
    )


def _mark(row: Row[Any], at: datetime) -> Due:
    command = MarkOverdue(assignment_id=row.id, at=at)
    return Due((row.id, row.due.isoformat()), command, mark_overdue)


mark_assignments_overdue: Final = Process(
    name="mark assignments overdue", find=_late, by=_A.due, id=_A.id, ask=_mark
)
