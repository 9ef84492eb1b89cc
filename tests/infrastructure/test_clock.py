"""The clock that a step of the machine's own moves slowly."""

from datetime import UTC, datetime, timedelta

import pytest

from infrastructure.clock import FOLLOWING, SteadyClock, utc_now

BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Machine:
    """Time passes in it, and its clock is off."""

    def __init__(self, off: timedelta = timedelta()) -> None:
        self.passed = timedelta()
        self.off = off

    def true_time(self) -> datetime:
        return BEGIN + self.passed

    def clock(self) -> datetime:
        return self.true_time() + self.off

    def since_boot(self) -> float:
        return 1_000 + self.passed.total_seconds()

    def steady(self) -> SteadyClock:
        return SteadyClock(self.clock, self.since_boot)


def test_it_tells_what_the_machine_tells_as_long_as_that_is_steady() -> None:
    machine = Machine()
    steady = machine.steady()
    for seconds in (0, 0.001, 0.5, 3, 60, 86_400):
        machine.passed += timedelta(seconds=seconds)
        assert abs(steady() - machine.clock()) <= timedelta(microseconds=1)


@pytest.mark.parametrize("step", [HOUR, -HOUR])
def test_a_step_hardly_changes_how_long_a_minute_is(step: timedelta) -> None:
    machine = Machine()
    steady = machine.steady()
    machine.passed += MINUTE
    begun = steady()
    machine.off = step
    told = [begun]
    for _ in range(60):
        machine.passed += timedelta(seconds=1)
        told.append(steady())
    assert told == sorted(told)
    assert abs((told[-1] - begun) - MINUTE) <= MINUTE * FOLLOWING


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_a_clock_that_was_wrong_at_the_start_is_right_within_a_day(off: timedelta) -> None:
    machine = Machine(off)
    steady = machine.steady()
    assert steady() == BEGIN + off
    machine.off = timedelta()
    for _ in range(24 * 60):
        machine.passed += MINUTE
        steady()
    assert abs(steady() - machine.true_time()) <= timedelta(microseconds=1)


def test_it_begins_with_the_time_of_day() -> None:
    before = utc_now()
    assert before <= SteadyClock()()
