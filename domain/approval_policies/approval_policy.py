"""An approval policy: the steps that a requisition goes through, and where they apply."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self, TypedDict
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from domain.ids import Id


class StepData(TypedDict):
    """A step as it stands in an event: whoever holds the permission may decide it."""

    name: str
    permission: str


class ApprovalPolicy(Aggregate):
    """Named steps, each with a permission. Without project and amount it applies anywhere."""

    TOPIC = "approval_policy"

    class Event(Aggregate.Event):
        """What happened to an approval policy."""

    class Created(Aggregate.Created):
        """Demanded by the library, never triggered."""

        TOPIC = "approval_policy.created.v1"

    class Added(Event, Created):
        """A tenant has a new policy. ``min_amount`` is decimal text."""

        TOPIC = "approval_policy.added.v1"
        tenant_id: Id
        name: str
        steps: list[StepData]
        min_amount: str | None
        project_id: Id | None

    class LiveAvailabilityRequired(Event):
        """It has things of the inventory approved only while it is known how many are left."""

        TOPIC = "approval_policy.live_availability_required.v1"

    def __init__(
        self,
        tenant_id: Id,
        name: str,
        steps: list[StepData],
        min_amount: str | None,
        project_id: Id | None,
    ) -> None:
        self.tenant_id = tenant_id
        self.name = name
        self.steps = tuple((step["name"], step["permission"]) for step in steps)
        self.min_amount = min_amount
        self.project_id = project_id
        self.require_live_availability = False

    @event(LiveAvailabilityRequired)
    def _live_availability_required(self, timestamp: datetime) -> None:
        self.require_live_availability = True

    @classmethod
    def add(
        cls,
        id: UUID,
        *,
        tenant_id: Id,
        name: str,
        steps: Sequence[tuple[str, str]],
        min_amount: str | None,
        project_id: Id | None,
        require_live_availability: bool,
        at: datetime,
    ) -> Self:
        """A new policy; ``steps`` are (name, permission) pairs in order."""
        policy = cls._create(
            cls.Added,
            id=id,
            timestamp=at,
            tenant_id=tenant_id,
            name=name,
            steps=[StepData(name=step, permission=permission) for step, permission in steps],
            min_amount=min_amount,
            project_id=project_id,
        )
        if require_live_availability:
            policy.trigger_event(cls.LiveAvailabilityRequired, timestamp=at)
        return policy
