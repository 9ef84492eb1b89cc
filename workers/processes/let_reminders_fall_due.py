"""When something is soon due back, or was due some days ago, its custodian is to be reminded.

Unless the inventory says that nobody has it: a reminder waits until that is settled.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, Select, and_, or_, select

from domain.assignments.commands import RemindOfDue
from domain.assignments.handlers import remind
from read_tables.assignments import IS_HELD, IS_TO_COME_BACK, assignments
from workers.due import Due, Process

DAYS: Final = (-1, 0, 1, 3, 7)
"""Days after the due date; a reminder that was missed gives way to the next one."""

_A: Final = assignments.c


def _to_be_reminded(now: datetime) -> Select[Any]:
    due_days = [
        and_(
            _A.due <= now - timedelta(days=day),
            or_(_A.reminded_day.is_(None), _A.reminded_day < day),
        )
        for day in DAYS
    ]
    return select(_A.id, _A.tenant_id, _A.due).where(
        IS_TO_COME_BACK, IS_HELD, _A.due <= now - timedelta(days=DAYS[0]), or_(*due_days)
    )


def _remind(row: Row[Any], at: datetime) -> Due:
    day = max(day for day in DAYS if row.due + timedelta(days=day) <= at)
    command = RemindOfDue(assignment_id=row.id, day=day, at=at)
    return Due((row.id, row.due.isoformat(), str(day)), command, remind)


let_reminders_fall_due: Final = Process(
    name="let reminders fall due", find=_to_be_reminded, by=_A.due, id=_A.id, ask=_remind
)
