"""The history feed: every event as one row, as it is stored."""

from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Rows


def entry(rows: Rows, recorded: RecordedEvent) -> Rows:
    """The event's own row. Raises ``ValueError`` where its stored fields are not JSON."""
    row = {
        "position": recorded.position,
        "tenant_id": recorded.tenant_id,
        "aggregate_id": recorded.aggregate_id,
        "aggregate_kind": recorded.kind,
        "version": recorded.version,
        "type": recorded.topic,
        "at": recorded.recorded_at,
        "actor_id": recorded.actor_id,
        "correlation_id": recorded.correlation_id,
        "data": recorded.fields,
    }
    return {"history": [*rows.get("history", ()), row]}
