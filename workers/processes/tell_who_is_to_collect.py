"""When the time of a reservation that was made ahead is near, its custodian is told to collect it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, select

from domain.assignments.commands import TellToCollect
from domain.assignments.content import COLLECT_WITHIN
from domain.assignments.handlers import tell_to_collect
from read_tables.assignments import IS_TO_BE_COLLECTED, assignments
from workers.due import Due, Process

_A: Final = assignments.c


def _near(now: datetime) -> Select[Any]:
    return select(_A.id, _A.tenant_id, _A.begins).where(
        IS_TO_BE_COLLECTED, _A.told_to_collect.is_(False), _A.begins <= now + COLLECT_WITHIN
    )


def _tell(row: Row[Any], at: datetime) -> Due:
    command = TellToCollect(assignment_id=row.id, at=at)
    return Due((row.id, row.begins.isoformat()), command, tell_to_collect)


tell_who_is_to_collect: Final = Process(
    name="tell who is to collect", find=_near, by=_A.begins, id=_A.id, ask=_tell
)
