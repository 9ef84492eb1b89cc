"""kill -9 of the process of notifications at every point: nobody is left out.

Only a death between the sending and its record sends something once more, under the same id.
"""

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest

from infrastructure.crash_points import CrashPoint
from tests.fixtures.postgres import Database
from tests.fixtures.processes import Processes, eventually
from tests.fixtures.webhook_receiver import Receiver
from tests.workers.notifications.scene import Scene, scene_of

POINTS = [point for point in CrashPoint if point.startswith("notifications_")]
WITH_SOMETHING_UNDER_WAY = {
    CrashPoint.NOTIFICATIONS_BEFORE_SEND,
    CrashPoint.NOTIFICATIONS_AFTER_SEND,
    CrashPoint.NOTIFICATIONS_AFTER_RECORD,
}
"""Where a neighbour of the delivery that dies may have been sent and not recorded, either."""

REQUISITIONS = 3
END_CLAIMS = "UPDATE notifications.deliveries SET claimed_until = now() WHERE state = 'waiting'"
EARLIER = "UPDATE notifications.deliveries SET due_at = now() WHERE state = 'waiting'"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that runs beside the test, whose processes it waits for."""
    receiver = Receiver()
    with _in_a_thread(receiver):
        yield receiver


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    made = scene_of(database)
    yield made
    made.world.engine.dispose()


@contextlib.contextmanager
def _in_a_thread(receiver: Receiver) -> Iterator[None]:
    ready, stop, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with receiver.running():
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def begun(scene: Scene) -> bool:
    return bool(scene.ask("SELECT FROM notifications.positions"))


def all_delivered(scene: Scene) -> bool:
    states = [state for _, _, state in scene.deliveries("webhook")]
    return states == ["delivered"] * REQUISITIONS


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process(
    scene: Scene, processes: Processes, receiver: Receiver, point: CrashPoint
) -> None:
    processes.environment["QM_WEBHOOK_ALLOW_PRIVATE"] = "true"
    scene.webhook(receiver.url(), "requisition.approved")

    doomed = processes.start("notifications", QM_CRASH_AT=point)
    eventually(lambda: begun(scene), "notifications have begun")
    for _ in range(REQUISITIONS):
        scene.approved()
    doomed.wait_until_killed()
    scene.world.execute(END_CLAIMS)
    scene.world.execute(EARLIER)
    processes.start("notifications")

    eventually(lambda: all_delivered(scene), "everything is delivered")
    assert len(set(receiver.ids())) == REQUISITIONS
    if point not in WITH_SOMETHING_UNDER_WAY:
        assert len(receiver.ids()) == REQUISITIONS


def test_a_process_that_is_told_to_stop_stops(scene: Scene, processes: Processes) -> None:
    process = processes.start("notifications")
    eventually(lambda: begun(scene), "notifications have begun")

    process.signal(signal.SIGTERM)

    assert process.wait_for_exit() == 0
