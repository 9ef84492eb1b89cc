"""A project: what equipment is asked for, and who may ask."""

from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.caller import Caller
from domain.ids import Id
from domain.projects import rules
from domain.projects.errors import LastLead, ProjectMemberNotFound
from domain.projects.rules import LEAD


class Project(Aggregate):
    """A project with its members."""

    TOPIC = "project"

    class Event(Aggregate.Event):
        """What happened to a project."""

    class Created(Aggregate.Created):
        """A project began."""

        TOPIC = "project.created.v1"
        tenant_id: Id
        name: str
        description: str | None
        created_by: Id

    class MemberSet(Event):
        """Somebody joined the project, or plays another part in it (``member`` or ``lead``)."""

        TOPIC = "project.member_set.v1"
        user_id: Id
        role: str

    class MemberRemoved(Event):
        """Somebody left the project."""

        TOPIC = "project.member_removed.v1"
        user_id: Id

    def __init__(self, tenant_id: Id, name: str, description: str | None, created_by: Id) -> None:
        self.tenant_id = tenant_id
        self.name = name
        self.description = description
        self.created_by = created_by
        self.members: dict[Id, str] = {}

    @classmethod
    def create(cls, id: UUID, name: str, description: str | None, by: Caller, at: datetime) -> Self:
        """A new project; whoever creates it leads it."""
        rules.require_creator(by)
        project = cls._create(
            cls.Created,
            id=id,
            timestamp=at,
            tenant_id=by.tenant_id,
            name=name,
            description=description,
            created_by=by.user_id,
        )
        project.set_member(by.user_id, LEAD, by, at)
        return project

    def require_manager(self, by: Caller) -> None:
        """Raise ``NotProjectLead`` unless the caller may change the members."""
        rules.require_manager(by, self.members.get(by.user_id))

    def set_member(self, user_id: Id, role: str, by: Caller, at: datetime) -> None:
        """Let somebody in, or change their part. Raises ``NotProjectLead`` and ``LastLead``."""
        self.require_manager(by)
        if self.members.get(user_id) == role:
            return
        if role != LEAD:
            self._keep_a_lead_without(user_id)
        self._member_set(user_id=user_id, role=role, timestamp=at)

    def remove_member(self, user_id: Id, by: Caller, at: datetime) -> None:
        """Let somebody go. Raises ``ProjectMemberNotFound, NotProjectLead, LastLead``."""
        if user_id not in self.members:
            raise ProjectMemberNotFound
        self.require_manager(by)
        self._keep_a_lead_without(user_id)
        self._member_removed(user_id=user_id, timestamp=at)

    def _keep_a_lead_without(self, user_id: Id) -> None:
        leads = {member for member, role in self.members.items() if role == LEAD}
        if leads == {user_id}:
            raise LastLead

    @event(MemberSet)
    def _member_set(self, user_id: Id, role: str, timestamp: datetime) -> None:
        self.members = {**self.members, user_id: role}

    @event(MemberRemoved)
    def _member_removed(self, user_id: Id, timestamp: datetime) -> None:
        self.members = {member: role for member, role in self.members.items() if member != user_id}
