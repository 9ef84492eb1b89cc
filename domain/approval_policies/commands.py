"""What can be asked of approval policies, as plain facts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, check_amount, check_permission, check_text
from domain.ids import Id

STEP_LIMIT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPolicy:
    """Let requisitions go through these steps, (name, permission) pairs in order.

    ``min_amount`` and ``project_id`` say where; None means anywhere. With
    ``require_live_availability``, what asks for things of the inventory is approved only while it
    is known how many are left. Raises ``InvalidField`` with the path of a field that cannot be
    accepted.
    """

    policy_id: Id
    name: str
    steps: tuple[tuple[str, str], ...]
    by: Caller
    at: datetime
    min_amount: Decimal | None = None
    project_id: Id | None = None
    require_live_availability: bool = False

    def __post_init__(self) -> None:
        check_text(("name",), self.name, NAME_LIMIT)
        if not 1 <= len(self.steps) <= STEP_LIMIT:
            raise InvalidField(("steps",), f"A policy has from 1 to {STEP_LIMIT} steps.")
        for index, (name, permission) in enumerate(self.steps):
            check_text(("steps", index, "name"), name, NAME_LIMIT)
            check_permission(("steps", index, "permission"), permission)
        check_amount(("applies", "min_amount"), self.min_amount)
