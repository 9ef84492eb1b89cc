"""Approval policies as rows."""

from domain.approval_policies.approval_policy import ApprovalPolicy
from domain.fields import amount_of
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows


def added(rows: Rows, event: ApprovalPolicy.Added, recorded: RecordedEvent) -> Rows:
    """A tenant has a new policy."""
    policy: Row = {
        "id": recorded.aggregate_id,
        "tenant_id": event.tenant_id,
        "name": event.name,
        "steps": event.steps,
        "min_amount": amount_of(event.min_amount),
        "project_id": event.project_id,
        "require_live_availability": False,
        "created_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "approval_policies": [policy]}


def live_availability_required(
    rows: Rows,
    event: ApprovalPolicy.LiveAvailabilityRequired,  # noqa: ARG001 - all folds are called alike
    recorded: RecordedEvent,
) -> Rows:
    """Things of the inventory are approved only while it is known how many are left."""
    (policy,) = rows["approval_policies"]
    changed = {**policy, "require_live_availability": True, "version": recorded.version}
    return {**rows, "approval_policies": [changed]}
