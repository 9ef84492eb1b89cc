"""What people are told about, on which ways, and the id of a notification."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.errors import NotFound
from domain.ids import Id, id_of, uuid_of


class Kind(StrEnum):
    """What a notification is about."""

    REQUISITION_DECIDED = "requisition_decided"
    READY_TO_COLLECT = "ready_to_collect"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    RETURNED = "returned"
    WRITTEN_OFF = "written_off"
    DECLINED = "declined"
    SYNC_NEEDS_ATTENTION = "sync_needs_attention"


class Channel(StrEnum):
    """A way on which a person is told; everybody chooses for each kind. Webhooks are a tenant's."""

    IN_APP = "in_app"
    EMAIL = "email"


EVERY_CHOICE: Final = frozenset((kind, channel) for kind in Kind for channel in Channel)
"""Everything that can be switched off. It is all on until somebody does."""

_LAST_POSITION: Final = 2**63 - 1


def notification_id(position: int) -> Id:
    """The id of the notification of an event: its position, in the form of all ids.

    So it is the same after every rebuild, and needs no table to be understood.
    """
    return id_of(UUID(int=position))


def position_of(id: Id) -> int:
    """The position behind a notification's id. Raises ``NotFound`` where it cannot be one."""
    position = uuid_of(id).int
    if not 1 <= position <= _LAST_POSITION:
        raise NotFound("There is no such notification.")
    return position
