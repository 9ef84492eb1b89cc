"""The library's way to fill a read table, in a process of its own: its ProjectionRunner.

``python -m bench.library_projection <URL> <URL of our log> <events>`` copies the first events of our
log into a log of the library's own, lets the runner make a row of each in a table like our history,
with its tracking record in the same transaction, and prints as JSON how long that took.
"""

import sys
import time
from typing import Any, Final
from uuid import UUID

import orjson
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import CanMutateAggregate
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder  # noqa: TID251 - the peer
from eventsourcing.projection import Projection, ProjectionRunner
from eventsourcing.utils import get_topic
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.json import Jsonb
from sqlalchemy import MetaData, create_engine, make_url

from domain.ids import PLATFORM_TENANT, uuid_of
from infrastructure.event_store.topics import AGGREGATES
from read_tables.history import history

WITHIN_S: Final = 600.0
KNOWN: Final = AGGREGATES
"""Naming the aggregates here makes their events known."""

_NOT_TOLD: Final = frozenset({"originator_id", "originator_version", "timestamp"})
_TENANT: Final = uuid_of(PLATFORM_TENANT)
_INSERT: Final = (
    "INSERT INTO history VALUES (%s, %s, %s, %s, %s, %s, %s, NULL, 'bench', %s)"  # as its columns
)
_READ: Final = (
    "COPY (SELECT originator_id, originator_version, topic, state FROM log.stored_events"
    " WHERE notification_id <= {} ORDER BY notification_id) TO STDOUT"
)
_WRITE: Final = "COPY log_events (originator_id, originator_version, topic, state) FROM STDIN"


class Log(Application[UUID]):
    """Where the events come from."""


class Rows(PostgresTrackingRecorder):
    """The table, and how far it is."""

    def add(self, position: int, event: CanMutateAggregate[UUID], tracking: Tracking) -> None:
        """One more row."""
        topic = get_topic(type(event))
        told = {name: value for name, value in vars(event).items() if name not in _NOT_TOLD}
        row = (
            position,
            _TENANT,
            event.originator_id,
            topic.partition(".")[0],
            event.originator_version,
            topic,
            event.timestamp,
            Jsonb(told, dumps=orjson.dumps),
        )
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(_INSERT, row, prepare=True)


class History(Projection[Rows]):
    """A row for each event."""

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Add the event's row."""
        self.view.add(tracking.notification_id, domain_event, tracking)


def main(url: str, log_url: str, events: int) -> None:
    """Fill the library's log, run the projection, print what it took by the clock and of its own."""
    environment = _environment(url)
    Log(environment).close()
    _fill(url, log_url, events)
    metadata = MetaData()
    history.to_metadata(metadata, schema="public")
    metadata.create_all(create_engine(make_url(url).set(drivername="postgresql+psycopg")))
    begun, used = time.monotonic(), time.process_time()
    with ProjectionRunner(
        application_class=Log, projection_class=History, view_class=Rows, env=environment
    ) as runner:
        runner.wait(events, timeout=WITHIN_S)
        result = {"seconds": time.monotonic() - begun, "own_s": time.process_time() - used}
    sys.stdout.buffer.write(orjson.dumps(result))


def _environment(url: str) -> dict[str, str]:
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts["dbname"],
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts["port"],
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts["password"],
    }


def _fill(url: str, log_url: str, events: int) -> None:
    with (
        psycopg.connect(log_url, connect_timeout=5) as ours,
        psycopg.connect(url, connect_timeout=5) as theirs,
        ours.cursor().copy(_READ.format(events).encode()) as read,
        theirs.cursor().copy(_WRITE) as write,
    ):
        for part in read:
            write.write(part)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
