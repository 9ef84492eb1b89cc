"""kill -9 of the relay at every point: what was sent may come twice, nothing is left out."""

import signal

import pytest

from infrastructure.crash_points import CrashPoint
from tests.builders import requisitions as build
from tests.builders.log import busy_log, store
from tests.faults.checks import (
    ask,
    assert_tables_equal_a_fresh_replay,
    head,
    wait_until_delivered,
    wait_until_projected,
)
from tests.faults.subscribers import Subscriber
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes, eventually

POINTS = [point for point in CrashPoint if point.startswith("relay_")]
LEASE = "SELECT epoch, expires_at > clock_timestamp() FROM delivery.leases"


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_killed_relay(
    database: Database, broker: str, processes: Processes, point: CrashPoint, nth: int
) -> None:
    processes.environment["QM_AMQP_URL"] = broker
    subscriber = Subscriber(broker)
    log = busy_log(13, 100)
    store(database.superuser_url, log.events[:-20])
    processes.start("projector")

    doomed = processes.start("relay", QM_CRASH_AT=f"{point}:{nth}")
    for event in log.events[-20:]:
        store(database.superuser_url, [event])
    doomed.wait_until_killed()
    processes.start("relay")

    wait_until_delivered(database)
    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)
    assert set(subscriber.positions()) == set(range(1, head(database) + 1))


def test_a_paused_leader_that_wakes_up_no_longer_leads(
    database: Database, broker: str, processes: Processes
) -> None:
    processes.environment["QM_AMQP_URL"] = broker
    subscriber = Subscriber(broker)
    log = busy_log(14, 20)
    store(database.superuser_url, log.events)
    former = processes.start("relay")
    wait_until_delivered(database)

    former.signal(signal.SIGSTOP)
    processes.start("relay")
    later = log.append(build.told(build.approved()))
    store(database.superuser_url, later)
    wait_until_delivered(database)
    assert ask(database, LEASE) == [(2, True)]
    former.signal(signal.SIGCONT)
    eventually(lambda: "LeaseLost" in former.log, "the former leader notices")
    last = log.append(build.told(build.rejected()))
    store(database.superuser_url, last)
    wait_until_delivered(database)

    assert ask(database, LEASE) == [(2, True)]
    assert subscriber.positions() == list(range(1, head(database) + 1))
