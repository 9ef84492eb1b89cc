"""A broker that stops, forgets everything, or garbles its messages does no harm to the rows."""

import pytest

from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, busy_log, store
from tests.faults.checks import (
    ask,
    assert_tables_equal_a_fresh_replay,
    wait_until_delivered,
    wait_until_projected,
)
from tests.faults.subscribers import bad_network
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes

DELIVERED = "SELECT position FROM delivery.positions"


@pytest.fixture
def running(
    database: Database, own_rabbitmq: EmbeddedRabbitmq, processes: Processes
) -> tuple[MemoryLog, EmbeddedRabbitmq]:
    """A relay and a projector that have done their work over a broker of this test."""
    own_rabbitmq.start()
    processes.environment["QM_AMQP_URL"] = own_rabbitmq.url()
    log = busy_log(15, 20)
    store(database.superuser_url, log.events)
    processes.start("relay")
    processes.start("projector")
    wait_until_delivered(database)
    wait_until_projected(database)
    return log, own_rabbitmq


def grow(database: Database, log: MemoryLog) -> None:
    for maker in (build.approved, build.fulfilled, build.rejected):
        store(database.superuser_url, log.append(build.told(maker())))


def test_while_the_broker_is_stopped_the_rows_still_follow_the_log(
    database: Database, running: tuple[MemoryLog, EmbeddedRabbitmq]
) -> None:
    log, rabbitmq = running
    delivered = ask(database, DELIVERED)
    rabbitmq.stop()
    grow(database, log)
    wait_until_projected(database)
    assert ask(database, DELIVERED) == delivered

    rabbitmq.start()

    wait_until_delivered(database)
    grow(database, log)
    wait_until_delivered(database)
    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)


def test_a_wiped_broker_heals(
    database: Database, running: tuple[MemoryLog, EmbeddedRabbitmq]
) -> None:
    log, rabbitmq = running
    rabbitmq.kill()
    grow(database, log)
    rabbitmq.wipe()
    rabbitmq.start()

    grow(database, log)

    wait_until_delivered(database)
    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)


def test_a_broker_that_hangs_delays_no_rows(
    database: Database, running: tuple[MemoryLog, EmbeddedRabbitmq]
) -> None:
    log, rabbitmq = running
    rabbitmq.pause()
    grow(database, log)
    wait_until_projected(database)

    rabbitmq.resume()

    wait_until_delivered(database)
    assert_tables_equal_a_fresh_replay(database)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_messages_that_come_twice_late_or_never(
    database: Database, broker: str, second_broker: str, processes: Processes, seed: int
) -> None:
    with bad_network(broker, second_broker, seed) as network:
        processes.start("relay", QM_AMQP_URL=broker)
        processes.start("projector", QM_AMQP_URL=second_broker)
        log = busy_log(16 + seed, 80)
        for first in range(0, len(log.events), 5):
            store(database.superuser_url, log.events[first : first + 5])
        wait_until_delivered(database)
        wait_until_projected(database)

    assert network.dropped > 0
    assert network.repeated > 0
    assert_tables_equal_a_fresh_replay(database)
