"""The feed of notifications: which event tells whom what is ``domain.notifications.notices``."""

from collections.abc import Mapping
from typing import Any, Final

from domain.notifications.notices import (
    CONCERNED,
    EVENTS,
    Notice,
    audience_ids,
    learnt,
    notice_of,
)
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.projection_rows import Row, Rows
from projectors.projection import Fold


def told(rows: Rows, event: Any, recorded: RecordedEvent) -> Rows:
    """What is known of the object after the event, and a row for each audience of it."""
    known = rows["notification_subjects"]
    before = known[0]["subject"] if known else {}
    subject = learnt(before, event)
    changed = dict(rows)
    if subject is not before:
        row = {"id": recorded.aggregate_id, "tenant_id": recorded.tenant_id, "subject": subject}
        changed["notification_subjects"] = [row]
    notice = notice_of(subject, event, recorded.actor_id)
    if notice is not None:
        changed["notifications"] = [*rows["notifications"], *_rows(notice, recorded)]
    return changed


def unconcerned(rows: Rows, event: Any, recorded: RecordedEvent) -> Rows:  # noqa: ARG001 - all folds are called alike
    """Nobody is told of it."""
    return rows


FOLDS: Final[Mapping[type[Any], Fold]] = {
    **dict.fromkeys(EVENTS, unconcerned),
    **dict.fromkeys(CONCERNED, told),
}


def _rows(notice: Notice, recorded: RecordedEvent) -> list[Row]:
    return [
        {
            "position": recorded.position,
            "audience_id": audience_id,
            "tenant_id": recorded.tenant_id,
            "aggregate_id": recorded.aggregate_id,
            "aggregate_kind": recorded.kind,
            "kind": notice.kind.value,
            "at": recorded.recorded_at,
            "data": dict(notice.data),
        }
        for audience_id in audience_ids(notice.audience, recorded.tenant_id)
    ]
