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
        "created_at": recorded.recorded_at,
        "version": recorded.version,
    }
    return {**rows, "approval_policies": [policy]}
