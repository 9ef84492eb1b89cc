"""What happens to an asset at a desk, as plain facts in the words of those who stand there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.assignments.content import Custodian
from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import check_optional_text
from domain.ids import Id

CLOCKS_DIFFER: Final = timedelta(minutes=5)


class Circulation(StrEnum):
    """What can happen to it."""

    ISSUE = "issue"
    """Somebody gets it."""
    RETURN = "return"
    """It comes back."""
    MOVE = "move"
    """A place has it from now on, whoever had it before."""
    RECEIVE = "receive"
    """It comes back at a place."""
    CONFIRM = "confirm"
    """It was seen where it is on record."""


_WITH_NOTES: Final = frozenset({Circulation.RETURN, Circulation.RECEIVE})
_AT_A_PLACE: Final = frozenset({Circulation.MOVE, Circulation.RECEIVE})
_WITHOUT_PERSON: Final = frozenset({Circulation.RETURN, *_AT_A_PLACE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circulate:
    """Something happens to an asset; ``new_id`` is for the assignment that may begin with it.

    Raises ``InvalidField`` for what does not go with it.
    """

    asset_id: Id
    type: Circulation
    new_id: Id
    by: Caller
    at: datetime
    person_id: Id | None = None
    location_id: Id | None = None
    due: datetime | None = None
    occurred_at: datetime | None = None
    notes: str | None = None

    def __post_init__(self) -> None:
        check_optional_text(("notes",), self.notes)
        if self.person_id is not None and self.type in _WITHOUT_PERSON:
            raise InvalidField(("person_id",), f"No person goes with {self.type}.")
        if self.location_id is None and self.type in _AT_A_PLACE:
            raise InvalidField(("location_id",), "Name the place.")
        if self.type is Circulation.ISSUE:
            one_custodian(self.person_id, self.location_id)
        elif self.due is not None:
            raise InvalidField(("due",), f"Nothing becomes due by {self.type}.")
        if self.notes is not None and self.type not in _WITH_NOTES:
            raise InvalidField(("notes",), "Notes are kept of a return only.")
        self._check_time()

    def _check_time(self) -> None:
        """What happens is on record when it is told: nobody can move it in the log."""
        if self.occurred_at is not None and abs(self.occurred_at - self.at) > CLOCKS_DIFFER:
            raise InvalidField(("occurred_at",), "This is told when it happens: leave it out.")


def one_custodian(person_id: Id | None, location_id: Id | None) -> Custodian:
    """Who gets it. Raises ``InvalidField`` unless it is exactly one of the two."""
    if person_id is not None and location_id is not None:
        raise InvalidField(("location_id",), "A person or a location has it, not both.")
    if person_id is not None:
        return Custodian("user", person_id)
    if location_id is not None:
        return Custodian("location", location_id)
    raise InvalidField(("person_id",), "Name a person or a location.")
