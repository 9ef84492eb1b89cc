"""kill -9 of the projector at every point: no event is lost, none is applied twice."""

import pytest

from infrastructure.crash_points import CrashPoint
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, busy_log, store
from tests.faults.checks import ask, assert_tables_equal_a_fresh_replay, wait_until_projected
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Process, Processes, eventually

POINTS = [point for point in CrashPoint if point.startswith("projector_")]
ROUNDS_OF_A_PAUSE = 40
MESSAGES_ONLY = {CrashPoint.PROJECTOR_AFTER_RECEIVE}


def keep_busy(database: Database, log: MemoryLog, doomed: Process) -> None:
    """Store event after event, and go on as long as it takes: a slow reader takes many at once.

    With pauses: where messages come all the time, the log itself is not looked at.
    """
    for event in log.events[20:]:
        store(database.superuser_url, [event])
    pauses = iter(range(1_000_000))

    def died_meanwhile() -> bool:
        if next(pauses) % ROUNDS_OF_A_PAUSE == 0:
            store(database.superuser_url, log.append(build.told(build.rejected())))
        return not doomed.is_running

    eventually(died_meanwhile, "the projector at its point")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("nth", [1, 6])
def test_a_projector_killed_with_the_broker(
    database: Database, broker: str, processes: Processes, point: CrashPoint, nth: int
) -> None:
    processes.environment["QM_AMQP_URL"] = broker
    log = busy_log(11, 40)
    store(database.superuser_url, log.events[:20])
    processes.start("relay")

    doomed = processes.start("projector", QM_CRASH_AT=f"{point}:{nth}")
    keep_busy(database, log, doomed)
    doomed.wait_until_killed()
    processes.start("projector")

    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)


@pytest.mark.parametrize("point", [point for point in POINTS if point not in MESSAGES_ONLY])
@pytest.mark.parametrize("nth", [1, 6])
def test_a_projector_killed_without_a_broker(
    database: Database, processes: Processes, point: CrashPoint, nth: int
) -> None:
    log = busy_log(12, 40)
    store(database.superuser_url, log.events[:20])

    doomed = processes.start("projector", QM_CRASH_AT=f"{point}:{nth}")
    keep_busy(database, log, doomed)
    doomed.wait_until_killed()
    processes.start("projector")

    wait_until_projected(database)
    assert_tables_equal_a_fresh_replay(database)


def test_a_projector_ahead_of_a_restored_log_stops_and_says_why(
    database: Database, processes: Processes
) -> None:
    log = busy_log(13, 10)
    store(database.superuser_url, log.events)
    first = processes.start("projector")
    wait_until_projected(database)
    first.kill()
    ask(database, "DELETE FROM log.stored_events WHERE notification_id > 5 RETURNING 1")
    ask(database, "UPDATE log.log_head SET position = 5 RETURNING 1")

    second = processes.start("projector")

    assert second.wait_for_exit() == 1
    assert "the log ends at 5" in second.log
    assert "quartermaster rebuild" in second.log
