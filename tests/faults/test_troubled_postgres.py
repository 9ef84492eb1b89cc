"""Postgres goes away and comes back: processes wait, and then go on where they were."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.embedded.postgres import EmbeddedPostgres
from infrastructure.migrate import migrate
from tests.builders import requisitions as build
from tests.builders.log import busy_log, store
from tests.faults.checks import (
    assert_tables_equal_a_fresh_replay,
    wait_until_delivered,
    wait_until_projected,
)
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes


@pytest.fixture
def own_database(own_postgres: EmbeddedPostgres) -> Database:
    """A migrated database on a Postgres that the test may stop."""
    own_postgres.start()
    own_postgres.ensure_owner()
    own_postgres.ensure_database("quartermaster")
    database = Database("quartermaster", own_postgres, secrets.token_urlsafe(20))
    migrate(database.url("owner"), database.role_urls())
    return database


@pytest.fixture
def own_processes(own_database: Database, tmp_path: Path) -> Iterator[Processes]:
    """Starts processes on that database."""
    processes = Processes(own_database, tmp_path)
    yield processes
    processes.kill_all()


def test_processes_outlive_a_restart_of_postgres(
    own_database: Database, own_processes: Processes, broker: str
) -> None:
    log = busy_log(17, 20)
    store(own_database.superuser_url, log.events)
    relay = own_processes.start("relay", QM_AMQP_URL=broker)
    projector = own_processes.start("projector", QM_AMQP_URL=broker)
    timers = own_processes.start("timers")
    wait_until_delivered(own_database)
    wait_until_projected(own_database)

    own_database.server.stop()
    own_database.server.start()
    store(own_database.superuser_url, log.append(build.told(build.fulfilled())))

    wait_until_delivered(own_database)
    wait_until_projected(own_database)
    assert_tables_equal_a_fresh_replay(own_database)
    assert relay.is_running
    assert projector.is_running
    assert timers.is_running
