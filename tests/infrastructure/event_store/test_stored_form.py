"""The stored form of an event: stable bytes, pinned names, readable by the library itself."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson
import pytest
from eventsourcing.persistence import DatetimeAsISO, JSONTranscoder, Mapper
from eventsourcing.postgres import (  # noqa: TID251 - it must be able to read our log
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from psycopg.conninfo import conninfo_to_dict

from domain.identity.memberships import Membership
from infrastructure.event_store import topics
from infrastructure.event_store.commands import Commands
from infrastructure.ids import new_id, to_uuid
from tests.fixtures.postgres import Database
from tests.infrastructure.event_store.work import NOW, TENANT, add_role, envelope, join


@pytest.fixture
def recorder(database: Database) -> Iterator[PostgresApplicationRecorder]:
    """The library's own recorder on our log, with a role that reads."""
    parts = conninfo_to_dict(database.url("relay"))
    datastore = PostgresDatastore(
        str(parts["dbname"]),
        str(parts["host"]),
        str(parts["port"]),
        str(parts["user"]),
        str(parts["password"]),
        schema="log",
    )
    yield PostgresApplicationRecorder(datastore)
    datastore.close()


def library_mapper() -> Mapper[UUID]:
    transcoder = JSONTranscoder()
    transcoder.register(DatetimeAsISO())
    return Mapper(transcoder)


async def test_the_librarys_recorder_and_mapper_read_our_log(
    commands: Commands, recorder: PostgresApplicationRecorder
) -> None:
    id = new_id()
    await commands.run(envelope(), join(id, "approver"))
    await commands.run(envelope(), add_role(id, "auditor"))

    notifications = recorder.select_notifications(start=1, limit=10)
    stored = recorder.select_events(to_uuid(id))
    events = [library_mapper().to_domain_event(event) for event in stored]

    assert [notification.id for notification in notifications] == [1, 2]
    assert recorder.max_notification_id() == 2
    assert [notification.topic for notification in notifications] == [
        "membership.joined.v1",
        "membership.roles_changed.v1",
    ]
    membership = None
    for event in events:
        assert isinstance(event, Membership.Joined | Membership.RolesChanged)
        membership = event.mutate(membership)
    assert isinstance(membership, Membership)
    assert membership.roles == ("approver", "auditor")


def test_an_event_comes_back_as_it_was() -> None:
    event = joined()

    topic, state = topics.encode(event)

    assert topics.decode(event.originator_id, 1, topic, state) == event
    assert topic == "membership.joined.v1"


def test_the_bytes_of_an_event_are_stable() -> None:
    _, state = topics.encode(joined())

    assert list(orjson.loads(state)) == sorted(orjson.loads(state))
    assert orjson.loads(state)["timestamp"] == {
        "_type_": "datetime_iso",
        "_data_": "2026-11-21T09:00:00+00:00",
    }


@pytest.mark.parametrize("value", [{"at": datetime.now(UTC)}, object(), {1, 2}, b"bytes"])
def test_a_payload_of_anything_but_plain_values_is_refused(value: object) -> None:
    event = joined()
    event.__dict__["roles"] = value

    with pytest.raises(TypeError):
        topics.encode(event)


def joined() -> Membership.Joined:
    membership = Membership.join(
        uuid4(), tenant_id=TENANT, user_id=new_id(), roles=("approver",), at=NOW
    )
    (event,) = membership.pending_events
    assert isinstance(event, Membership.Joined)
    return event
