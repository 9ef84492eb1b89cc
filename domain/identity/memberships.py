"""A user's place in one tenant: the roles they hold there."""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import Id


class Membership(Aggregate):
    """One user in one tenant. Its stream's id is derived from the two."""

    TOPIC = "membership"

    class Event(Aggregate.Event):
        """What happened to a membership."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "membership.created.v1"

    class Joined(Event, Created):
        """A user became a member of a tenant, with these roles."""

        TOPIC = "membership.joined.v1"
        tenant_id: Id
        user_id: Id
        roles: list[str]

    class RolesChanged(Event):
        """These are the member's roles from now on."""

        TOPIC = "membership.roles_changed.v1"
        roles: list[str]

    def __init__(self, tenant_id: Id, user_id: Id, roles: list[str]) -> None:
        self.tenant_id = tenant_id
        self.user_id = user_id
        self.roles = tuple(roles)

    @classmethod
    def join(
        cls, id: UUID, *, tenant_id: Id, user_id: Id, roles: tuple[str, ...], at: datetime
    ) -> Self:
        """A user's first place in a tenant."""
        return cls._create(
            cls.Joined,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            user_id=user_id,
            roles=list(roles),
        )

    def change_roles(self, roles: tuple[str, ...], at: datetime) -> None:
        """Hold exactly these roles; no event where they are the same."""
        if set(roles) != set(self.roles):
            self._roles_changed(roles=list(roles), timestamp=at)

    @event(RolesChanged)
    def _roles_changed(self, roles: list[str], timestamp: datetime) -> None:
        self.roles = tuple(roles)
