"""A consumer keeps up with the log, whatever its doorbell does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aio_pika
import pytest

from infrastructure.broker import EXCHANGE, PROJECTORS, declare_topology, publishing, queue_name
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.log_bell import LogBell
from infrastructure.messages import LogMessage
from projectors.consumer import DEAF_AFTER, Consumer
from projectors.doorbells import POLL_S, BrokerDoorbell, LogDoorbell, Ring
from projectors.inbox import Inbox
from projectors.subscriptions import HISTORY
from tests.builders import requisitions as build
from tests.builders.log import EPOCH, MemoryLog, busy_log
from tests.fixtures.postgres import Database
from tests.fixtures.processes import eventually
from tests.projectors.conftest import Table

Inboxes = Callable[..., Inbox]
POSITION = "SELECT position FROM read.projection_positions"


class Script:
    """A doorbell that plays these rings, one after the other, and then stays silent."""

    def __init__(self, *rings: Ring) -> None:
        self._rings = list(rings)
        self.mistrusted = 0
        self.done = asyncio.Event()

    async def wait(self, timeout_s: float = POLL_S) -> Ring:  # noqa: ARG002 - as any doorbell
        if not self._rings:
            self.done.set()
            await asyncio.Event().wait()
        return self._rings.pop(0)

    def mistrust(self) -> None:
        self.mistrusted += 1


class GrowingLog(MemoryLog):
    """A log in which something new stands whenever somebody looks."""

    async def read_after(self, position: int, limit: int) -> list[RecordedEvent]:
        self.append(build.told(build.drafted()))
        return await super().read_after(position, limit)


@asynccontextmanager
async def running(consumer: Consumer) -> AsyncIterator[None]:
    task = asyncio.create_task(consumer.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=10)


async def until(check: Callable[[], bool]) -> None:
    await asyncio.to_thread(eventually, check, "what the test waits for", 30)


def messages(events: Sequence[RecordedEvent]) -> list[LogMessage]:
    return [LogMessage(EPOCH, event) for event in events]


async def test_what_was_there_before_is_caught_up_with_first(
    inbox_of: Inboxes, table: Table
) -> None:
    log = busy_log(1)
    doorbell = Script()

    async with running(Consumer(inbox_of(log, HISTORY), doorbell)):
        await doorbell.done.wait()

    assert table(POSITION) == [(len(log.events),)]


async def test_messages_are_acknowledged_after_they_are_committed(
    inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    await inbox_of(log, HISTORY).open()
    committed: list[object] = []

    async def done() -> None:
        committed.extend(table(POSITION))

    fresh = log.append(build.told(build.approved()))
    log_behind = MemoryLog()
    doorbell = Script(Ring(messages(fresh), done=done))
    async with running(Consumer(inbox_of(log_behind, HISTORY), doorbell)):
        await doorbell.done.wait()

    assert committed == [(len(fresh),)]


async def test_a_doorbell_that_stays_silent_while_the_log_grows_is_mistrusted(
    inbox_of: Inboxes,
) -> None:
    log = GrowingLog()
    doorbell = Script(*[Ring(quiet=True)] * DEAF_AFTER)

    async with running(Consumer(inbox_of(log, HISTORY), doorbell)):
        await doorbell.done.wait()

    assert doorbell.mistrusted == 1


async def test_a_doorbell_is_trusted_while_nothing_happens(inbox_of: Inboxes) -> None:
    log = busy_log(1)
    doorbell = Script(*[Ring(quiet=True)] * 5 * DEAF_AFTER)

    async with running(Consumer(inbox_of(log, HISTORY), doorbell)):
        await doorbell.done.wait()

    assert doorbell.mistrusted == 0


@pytest.fixture
async def broker_doorbell(database: Database, broker: str) -> AsyncIterator[BrokerDoorbell]:
    doorbell = BrokerDoorbell(broker, LogDoorbell(LogBell(database.url("projector"))))
    task = asyncio.create_task(doorbell.run())
    yield doorbell
    task.cancel()
    await asyncio.wait({task}, timeout=10)


async def test_a_message_that_cannot_be_read_goes_to_the_dead_letters(
    inbox_of: Inboxes, table: Table, broker: str, broker_doorbell: BrokerDoorbell
) -> None:
    log = MemoryLog()
    fresh = log.append(build.told(build.approved()))
    await declare_topology(broker)
    async with await aio_pika.connect(broker, timeout=10) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(b"what is this?"), "no.tenant", timeout=10)
        behind = MemoryLog()
        async with (
            running(Consumer(inbox_of(behind, HISTORY), broker_doorbell)),
            publishing(broker, EPOCH) as publisher,
        ):
            for event in fresh:
                await publisher.publish(event)
            await exchange.publish(aio_pika.Message(b"and this?"), "no.tenant", timeout=10)
            await until(lambda: table(POSITION) == [(len(fresh),)])
            dead = await channel.get_queue(f"{queue_name(PROJECTORS)}.dead", ensure=False)
            bodies: set[bytes] = set()
            async with dead.iterator(timeout=20) as arriving:
                while len(bodies) < 2:
                    message = await anext(arriving)
                    await message.ack()
                    bodies.add(message.body)

    assert bodies == {b"what is this?", b"and this?"}


async def test_a_mistrusted_subscription_is_made_anew(
    inbox_of: Inboxes, table: Table, broker: str, broker_doorbell: BrokerDoorbell
) -> None:
    log = MemoryLog()
    behind = MemoryLog()
    async with (
        running(Consumer(inbox_of(behind, HISTORY), broker_doorbell)),
        publishing(broker, EPOCH) as publisher,
    ):
        first = log.append(build.told(build.approved()))
        for event in first:
            await publisher.publish(event)
        await until(lambda: table(POSITION) == [(len(first),)])

        broker_doorbell.mistrust()
        assert not broker_doorbell.is_heard
        # What the old subscription left would come behind the new, and no log fills the gap here.
        await until(lambda: broker_doorbell.is_heard)
        for event in log.append(build.told(build.rejected())):
            await publisher.publish(event)

        await until(lambda: table(POSITION) == [(len(log.events),)])


async def test_a_message_comes_again_until_it_is_done_with(
    broker: str, broker_doorbell: BrokerDoorbell
) -> None:
    (event, *_) = MemoryLog().append(build.told(build.approved()))
    async with publishing(broker, EPOCH) as publisher:
        await publisher.publish(event)

    first = await heard(broker_doorbell)
    await subscribe_again(broker_doorbell)
    second = await heard(broker_doorbell)
    await second.done()
    await subscribe_again(broker_doorbell)

    assert [[message.event for message in ring.messages] for ring in (first, second)] == [
        [event]
    ] * 2
    assert (await broker_doorbell.wait()).quiet


async def subscribe_again(doorbell: BrokerDoorbell) -> None:
    doorbell.mistrust()
    await until(lambda: not doorbell.is_heard)
    await until(lambda: doorbell.is_heard)


async def heard(doorbell: BrokerDoorbell) -> Ring:
    """The next ring with messages."""
    async with asyncio.timeout(30):
        while not (ring := await doorbell.wait()).messages:
            pass
    return ring
