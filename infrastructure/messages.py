"""An event of the log as a message: CloudEvents 1.0 in the binary form of AMQP.

The body is the event as it is stored; everything else stands in the headers. The log's epoch
travels with it, so that a message of a log that was since restored is never taken for the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.ids import to_uuid

PREFIX: Final = "cloudEvents:"
CONTENT_TYPE: Final = "application/json"
SOURCE: Final = "/quartermaster/log"


class MessageUnreadable(ValueError):
    """A message that this system did not write, or not so."""


@dataclass(frozen=True, slots=True)
class LogMessage:
    """An event and the epoch of the log that it stands in."""

    epoch: Id
    event: RecordedEvent


def routing_key(event: RecordedEvent) -> str:
    """``<tenant>.<event name>``: what outside subscribers bind to."""
    return f"{event.tenant_id}.{event.topic}"


def message_id(epoch: Id, event: RecordedEvent) -> str:
    """The same for the same event, however often it is published."""
    return f"{epoch}.{event.position}"


def headers_of(epoch: Id, event: RecordedEvent) -> dict[str, str | int]:
    """The headers of an event's message."""
    attributes: dict[str, str | int | None] = {
        "specversion": "1.0",
        "id": message_id(epoch, event),
        "source": SOURCE,
        "type": event.topic,
        "subject": event.aggregate_id,
        "time": event.recorded_at.isoformat(),
        "tenant": event.tenant_id,
        "position": event.position,
        "aggregate": event.aggregate_id,
        "version": event.version,
        "actor": event.actor_id,
        "correlation": event.correlation_id,
        "causation": event.causation_id,
        "command": event.command_id,
        "logepoch": epoch,
    }
    return {PREFIX + name: value for name, value in attributes.items() if value is not None}


def read_message(headers: Mapping[str, Any], body: bytes) -> LogMessage:
    """What ``headers_of`` and the stored event say. Raises ``MessageUnreadable``."""
    try:
        aggregate_id = str(headers[PREFIX + "aggregate"])
        event = RecordedEvent(
            position=int(headers[PREFIX + "position"]),
            tenant_id=str(headers[PREFIX + "tenant"]),
            actor_id=_optional(headers, "actor"),
            correlation_id=str(headers[PREFIX + "correlation"]),
            causation_id=_optional(headers, "causation"),
            command_id=str(headers[PREFIX + "command"]),
            recorded_at=datetime.fromisoformat(str(headers[PREFIX + "time"])),
            aggregate_id=aggregate_id,
            version=int(headers[PREFIX + "version"]),
            topic=str(headers[PREFIX + "type"]),
            state=body,
            originator_id=to_uuid(aggregate_id),
        )
        return LogMessage(str(headers[PREFIX + "logepoch"]), event)
    except (KeyError, ValueError, TypeError) as error:
        raise MessageUnreadable(f"{type(error).__name__}: {error}") from error


def _optional(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(PREFIX + name)
    return None if value is None else str(value)
