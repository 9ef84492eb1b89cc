"""The token bucket and what the server's headers teach it."""

from infrastructure.snipe_it.budget import CLOSED_SECONDS, Budget


class FakeTime:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def told(limit: int, left: int) -> dict[str, str]:
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left)}


async def test_a_burst_passes_and_the_next_call_waits_for_a_token() -> None:
    time = FakeTime()
    budget = Budget(60, clock=time, sleep=time.sleep)
    for _ in range(60):
        assert await budget.take(0) == 0
    assert await budget.take(10) == 0
    assert time.now == 1001.0


async def test_a_wait_longer_than_the_patience_is_told_and_not_waited_for() -> None:
    time = FakeTime()
    budget = Budget(60, clock=time, sleep=time.sleep)
    budget.close(30)
    assert await budget.take(10) == 30
    assert time.now == 1000.0


async def test_no_calls_left_closes_until_the_window_ends() -> None:
    time = FakeTime()
    budget = Budget(50, clock=time, sleep=time.sleep)
    budget.learn(told(120, 119))
    time.now += 20
    budget.learn(told(120, 0))
    assert await budget.take(5) == CLOSED_SECONDS - 20


async def test_a_refusal_in_a_window_whose_start_was_missed_waits_a_whole_one() -> None:
    time = FakeTime()
    budget = Budget(50, clock=time, sleep=time.sleep)
    time.now += 300
    assert budget.close() == CLOSED_SECONDS


async def test_what_the_server_has_left_lowers_what_we_think_we_have() -> None:
    time = FakeTime()
    budget = Budget(60, clock=time, sleep=time.sleep)
    budget.learn(told(60, 2))
    assert [await budget.take(0) for _ in range(2)] == [0, 0]
    assert await budget.take(0) > 0


async def test_a_server_with_more_to_give_does_not_raise_our_own_ceiling() -> None:
    time = FakeTime()
    budget = Budget(2, clock=time, sleep=time.sleep)
    budget.learn(told(1000, 999))
    assert [await budget.take(0) for _ in range(2)] == [0, 0]
    assert await budget.take(0) > 0


async def test_headers_that_are_no_numbers_teach_nothing() -> None:
    time = FakeTime()
    budget = Budget(60, clock=time, sleep=time.sleep)
    budget.learn({"x-ratelimit-limit": "many", "x-ratelimit-remaining": "0"})
    budget.learn({})
    assert await budget.take(0) == 0


async def test_callers_who_wait_queue_up_one_behind_the_other() -> None:
    time = FakeTime()
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    budget = Budget(60, clock=time, sleep=sleep)
    for _ in range(63):
        await budget.take(100)
    assert waits == [1.0, 2.0, 3.0]


async def test_the_wait_outlasts_the_servers_whole_seconds() -> None:
    time = FakeTime()
    budget = Budget(50, clock=time, sleep=time.sleep)
    budget.learn(told(5, 4))
    budget.learn(told(5, 0))
    assert await budget.take(70) == 0
    assert time.now > 1000.0 + 60


class Spent:
    """An allowance that grants the next call only after a while."""

    def __init__(self, time: FakeTime, seconds: float) -> None:
        self._time, self._free_at = time, time.now + seconds

    async def take(self) -> float:
        return max(self._free_at - self._time.now, 0.0)


async def test_what_all_processes_share_is_waited_for() -> None:
    time = FakeTime()
    budget = Budget(60, Spent(time, 4), clock=time, sleep=time.sleep)
    assert await budget.take(5) == 0
    assert time.now == 1004.0


async def test_a_wait_for_the_others_that_is_too_long_is_told_and_costs_nothing() -> None:
    time = FakeTime()
    budget = Budget(1, Spent(time, 6), clock=time, sleep=time.sleep)
    assert [await budget.take(5) for _ in range(3)] == [6, 6, 6]
    time.now += 6
    assert await budget.take(0) == 0


async def test_numbers_beyond_all_measure_teach_nothing() -> None:
    time = FakeTime()
    budget = Budget(60, clock=time, sleep=time.sleep)
    endless = "9" * 5_000
    budget.learn({"x-ratelimit-limit": endless, "x-ratelimit-remaining": endless})
    budget.learn({"x-ratelimit-limit": "120", "x-ratelimit-remaining": "9" * 400})
    assert [await budget.take(0) for _ in range(60)] == [0] * 60
    assert await budget.take(0) > 0
