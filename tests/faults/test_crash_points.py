"""Every crash point is a place where some test has a process killed."""

from infrastructure.crash_points import CrashPoint
from tests.faults import (
    test_killed_command_api,
    test_killed_notifications,
    test_killed_projector,
    test_killed_relay,
    test_killed_snipe_it_worker,
)


def test_every_point_is_hit_by_a_test() -> None:
    hit = [
        *test_killed_command_api.POINTS,
        *test_killed_notifications.POINTS,
        *test_killed_projector.POINTS,
        *test_killed_relay.POINTS,
        *test_killed_snipe_it_worker.POINTS,
    ]
    assert sorted(hit) == sorted(CrashPoint)
