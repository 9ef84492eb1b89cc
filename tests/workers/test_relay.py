"""The relay delivers every event, in order, and only while it holds the lease."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from infrastructure.broker import CONSUMERS, PROJECTORS
from infrastructure.checkpoints import CheckpointStore
from infrastructure.event_store.log_reader import LogReader, LogShorter
from infrastructure.leases import LeaseLost
from infrastructure.log_bell import LogBell
from infrastructure.messages import headers_of, read_message
from infrastructure.postgres import pool_of
from infrastructure.telemetry import RELAY_STOPPED
from tests.builders import requisitions as build
from tests.builders.log import MemoryLog, busy_log, store
from tests.fixtures.postgres import Database
from tests.fixtures.processes import eventually
from tests.workers.queues import taken, unbind_all
from workers.relay import CONSUMER, LEASE, Relay

TTL_S = 2.0
POSITION = "SELECT position FROM delivery.positions"


class Relays:
    """Relays that run as tasks of the test."""

    def __init__(self, database: Database, amqp_url: str) -> None:
        self._database = database
        self._amqp_url = amqp_url
        self._stack = contextlib.AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> asyncio.Task[None]:
        url = self._database.url("relay")
        pool = await self._stack.enter_async_context(pool_of(url, max_size=3))
        bell = LogBell(url)
        relay = Relay(self._amqp_url, LogReader(pool), bell, CheckpointStore(pool, TTL_S))
        self._tasks.append(asyncio.create_task(bell.run()))
        task = asyncio.create_task(relay.run())
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=10)
        await self._stack.aclose()


@pytest.fixture
async def relays(database: Database, broker: str) -> AsyncIterator[Relays]:
    relays = Relays(database, broker)
    yield relays
    await relays.stop()


@pytest.fixture
def log(database: Database) -> MemoryLog:
    log = busy_log(5, 40)
    store(database.superuser_url, log.events)
    return log


def ask(database: Database, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        return connection.execute(query.encode()).fetchall()


async def until(check: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, check, "what the test waits for", 30)


@pytest.mark.parametrize("consumer", CONSUMERS)
async def test_every_event_reaches_every_consumer_in_order(
    relays: Relays, broker: str, log: MemoryLog, consumer: str
) -> None:
    await relays.start()

    messages = await taken(broker, consumer, len(log.events))

    assert [message.position for message in messages] == [e.position for e in log.events]


async def test_a_message_is_the_event_as_a_cloud_event(
    relays: Relays, database: Database, broker: str, log: MemoryLog
) -> None:
    await relays.start()
    ((epoch,),) = ask(database, "SELECT epoch FROM log.log_head")

    (message,) = await taken(broker, PROJECTORS, 1)

    first = log.events[0]
    read = read_message(message.headers, message.body)
    assert read.event == first
    assert message.headers == headers_of(read.epoch, first)
    assert message.headers["cloudEvents:specversion"] == "1.0"
    assert message.routing_key == f"{first.tenant_id}.{first.topic}"
    assert epoch is not None


async def test_the_checkpoint_reaches_the_end_of_the_log(
    relays: Relays, database: Database, log: MemoryLog
) -> None:
    await relays.start()

    await until(lambda: ask(database, POSITION) == [(len(log.events),)])


async def test_events_are_delivered_as_they_are_appended(
    relays: Relays, database: Database, broker: str
) -> None:
    await relays.start()
    log = busy_log(2, 5)
    for event in log.events:
        store(database.superuser_url, [event])

    messages = await taken(broker, PROJECTORS, len(log.events))

    assert [message.position for message in messages] == list(range(1, len(log.events) + 1))


async def test_a_second_relay_takes_over_when_the_first_ends(
    relays: Relays, database: Database, broker: str, log: MemoryLog
) -> None:
    first = await relays.start()
    await until(lambda: ask(database, POSITION) == [(len(log.events),)])
    await relays.start()
    first.cancel()
    more = MemoryLog()
    more.events = [*log.events]
    later = more.append(build.told(build.approved()))
    store(database.superuser_url, later)

    await until(lambda: ask(database, POSITION) == [(len(more.events),)])

    assert ask(database, "SELECT epoch FROM delivery.leases") == [(2,)]


async def test_an_event_that_no_queue_takes_stops_the_relay_and_is_not_lost(
    relays: Relays, database: Database, broker: str, log: MemoryLog
) -> None:
    await relays.start()
    await until(lambda: ask(database, POSITION) == [(len(log.events),)])
    stopped = RELAY_STOPPED.labels("Unroutable")
    before = stopped._value.get()
    await unbind_all(broker, CONSUMERS)
    more = MemoryLog()
    more.events = [*log.events]
    later = more.append(build.told(build.approved()))

    store(database.superuser_url, later)

    await until(lambda: ask(database, POSITION) == [(len(more.events),)])
    assert stopped._value.get() > before
    messages = await taken(broker, PROJECTORS, len(more.events))
    assert {message.position for message in messages} == {e.position for e in more.events}


async def test_a_log_that_was_restored_to_an_earlier_point_stops_the_relay(
    relays: Relays, database: Database, log: MemoryLog
) -> None:
    ask(
        database,
        "INSERT INTO delivery.positions SELECT 'relay', epoch, position + 1 FROM log.log_head"
        " RETURNING 1",
    )
    task = await relays.start()

    with pytest.raises(LogShorter, match="the log ends at"):
        await task


async def test_a_former_leader_can_neither_publish_nor_move_the_checkpoint(
    database: Database,
) -> None:
    store(database.superuser_url, (log := busy_log(5, 3)).events)
    async with pool_of(database.url("relay")) as pool:
        epoch, head = await LogReader(pool).head()
        former, leader = CheckpointStore(pool, 1.0), CheckpointStore(pool, 60.0)
        old = await former.take_lease(LEASE)
        assert old is not None
        assert await leader.take_lease(LEASE) is None
        new = None
        while new is None:
            new = await leader.take_lease(LEASE)

        with pytest.raises(LeaseLost):
            old.check()
        with pytest.raises(LeaseLost):
            await former.renew(old)
        with pytest.raises(LeaseLost):
            await former.save(CONSUMER, epoch, head, old)
        assert await leader.position(CONSUMER, epoch) == 0

        await leader.save(CONSUMER, epoch, head, new)
        assert await leader.position(CONSUMER, epoch) == len(log.events)


async def test_a_checkpoint_never_goes_back(database: Database) -> None:
    async with pool_of(database.url("relay")) as pool:
        epoch, _ = await LogReader(pool).head()
        checkpoints = CheckpointStore(pool, 60.0)
        lease = await checkpoints.take_lease(LEASE)
        assert lease is not None
        await checkpoints.save(CONSUMER, epoch, 7, lease)

        with pytest.raises(LeaseLost):
            await checkpoints.save(CONSUMER, epoch, 6, lease)
        assert await checkpoints.position(CONSUMER, epoch) == 7


async def test_a_lease_that_has_run_out_moves_nothing_though_nobody_has_taken_it(
    database: Database,
) -> None:
    async with pool_of(database.url("relay")) as pool:
        epoch, _ = await LogReader(pool).head()
        checkpoints = CheckpointStore(pool, ttl_s=0.0)
        lease = await checkpoints.take_lease(LEASE)
        assert lease is not None

        with pytest.raises(LeaseLost):
            await checkpoints.save(CONSUMER, epoch, 1, lease)
        with pytest.raises(LeaseLost):
            await checkpoints.renew(lease)
        with pytest.raises(LeaseLost):
            lease.check()
