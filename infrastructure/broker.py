"""RabbitMQ: what is declared there, how events go out, and how a consumer hears of them.

The broker is a doorbell. Whatever it loses, repeats or reorders, consumers keep their position
in their own tables and read a gap from the log. So connections are plain ones: on any trouble
they are closed, and whoever uses them connects and declares everything again.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError, PublishError
from aiormq.exceptions import AMQPError as WireError

from domain.ids import Id
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.messages import (
    CONTENT_TYPE,
    LogMessage,
    MessageUnreadable,
    headers_of,
    message_id,
    read_message,
    routing_key,
)

EXCHANGE: Final = "quartermaster.events"
DEAD_LETTER_EXCHANGE: Final = "quartermaster.dead"
PROJECTORS: Final = "projectors"
CONSUMERS: Final = (PROJECTORS,)
"""Our own consumers, each with a queue of every event: a part of them would look like gaps."""

DELIVERY_LIMIT: Final = 20
PREFETCH: Final = 500
CALL_TIMEOUT_S: Final = 10.0
PUBLISH_TIMEOUT_S: Final = 15.0
HEARTBEAT_S: Final = 5
"""The broker drops a connection that is silent for twice as long: a paused relay loses it before
its lease ends, so that nothing it has half sent arrives after another one leads."""


T = TypeVar("T")

logger = logging.getLogger(__name__)


class BrokerUnavailable(Exception):
    """The broker cannot be reached, or does not answer in time."""


class Unroutable(Exception):
    """The broker has no queue for an event: its topology is gone."""


def queue_name(consumer: str) -> str:
    """The queue of a consumer."""
    return f"qm.{consumer}"


@asynccontextmanager
async def connected(url: str, name: str) -> AsyncIterator[AbstractConnection]:
    """A connection, closed at the end. ``name`` shows in the broker. Raises ``BrokerUnavailable``."""
    connection = await _answered(
        aio_pika.connect(
            url,
            timeout=CALL_TIMEOUT_S,
            client_properties={"connection_name": name},
            heartbeat=HEARTBEAT_S,
        )
    )
    try:
        yield connection
    finally:
        with contextlib.suppress(BrokerUnavailable):
            await _answered(connection.close())


async def declare_topology(url: str, consumers: Sequence[str] = CONSUMERS) -> None:
    """Declare the exchanges and every consumer's queues. Raises ``BrokerUnavailable``."""
    async with connected(url, "quartermaster topology") as connection:
        await declare_on(connection, consumers)


async def declare_on(connection: AbstractConnection, consumers: Sequence[str] = CONSUMERS) -> None:
    """The same, over a connection that is there."""
    channel = await _answered(_channel(connection))
    await _answered(channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True))
    await _answered(
        channel.declare_exchange(DEAD_LETTER_EXCHANGE, aio_pika.ExchangeType.DIRECT, durable=True)
    )
    for consumer in consumers:
        await _declare_queue(channel, consumer)
    await _answered(channel.close())


async def _declare_queue(channel: AbstractChannel, consumer: str) -> None:
    name = queue_name(consumer)
    dead = await _answered(
        channel.declare_queue(f"{name}.dead", durable=True, arguments={"x-queue-type": "quorum"})
    )
    await _answered(dead.bind(DEAD_LETTER_EXCHANGE, routing_key=name, timeout=CALL_TIMEOUT_S))
    queue = await _answered(
        channel.declare_queue(
            name,
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-single-active-consumer": True,
                "x-delivery-limit": DELIVERY_LIMIT,
                "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
                "x-dead-letter-routing-key": name,
                "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish",
            },
        )
    )
    await _answered(queue.bind(EXCHANGE, routing_key="#", timeout=CALL_TIMEOUT_S))


class Publisher:
    """Publishes events, each confirmed by the broker."""

    def __init__(self, exchange: AbstractExchange, epoch: Id) -> None:
        self._exchange = exchange
        self._epoch = epoch

    async def publish(self, event: RecordedEvent) -> None:
        """Return when the broker has the event. Raises ``BrokerUnavailable`` and ``Unroutable``."""
        message = aio_pika.Message(
            event.state,
            headers=dict(headers_of(self._epoch, event)),
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=message_id(self._epoch, event),
            correlation_id=event.correlation_id,
            timestamp=event.recorded_at,
            type=event.topic,
        )
        key = routing_key(event)
        try:
            await _answered(
                self._exchange.publish(message, key, mandatory=True, timeout=PUBLISH_TIMEOUT_S)
            )
        except PublishError as error:
            raise Unroutable(f"no queue takes the event at position {event.position}") from error


@asynccontextmanager
async def publishing(url: str, epoch: Id) -> AsyncIterator[Publisher]:
    """A publisher of events of the log of ``epoch``, with the topology declared before."""
    async with connected(url, "quartermaster relay") as connection:
        await declare_on(connection)
        channel = await _answered(_channel(connection, on_return_raises=True))
        exchange = await _answered(channel.get_exchange(EXCHANGE, ensure=False))
        yield Publisher(exchange, epoch)


class Subscription:
    """The messages of one consumer's queue, as they arrive.

    ``ended`` is set when no more will come; whoever sets it ends the subscription.
    """

    def __init__(self, queue: AbstractQueue) -> None:
        self._queue = queue
        self._arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self.ended = asyncio.Event()
        queue.channel.close_callbacks.add(self._on_close)

    async def start(self) -> None:
        """Ask for messages. Raises ``BrokerUnavailable``."""
        await _answered(self._queue.consume(self._arrived.put, timeout=CALL_TIMEOUT_S))

    async def next(self, limit: int, timeout_s: float) -> "Delivery":
        """The messages that are there, at least one; none when ``timeout_s`` has passed."""
        messages: list[AbstractIncomingMessage] = []
        try:
            async with asyncio.timeout(timeout_s):
                messages.append(await self._arrived.get())
        except TimeoutError:
            return Delivery(())
        while len(messages) < limit and not self._arrived.empty():
            messages.append(self._arrived.get_nowait())
        return Delivery(messages)

    def _on_close(self, *_: object) -> None:
        self.ended.set()


class Delivery:
    """Messages that came together."""

    def __init__(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        self.messages: list[LogMessage] = []
        self._last: AbstractIncomingMessage | None = None
        self._unreadable: list[AbstractIncomingMessage] = []
        for message in messages:
            self._read(message)

    @property
    def is_empty(self) -> bool:
        """Whether nothing came."""
        return self._last is None and not self._unreadable

    def _read(self, message: AbstractIncomingMessage) -> None:
        try:
            self.messages.append(read_message(message.headers, message.body))
            self._last = message
        except MessageUnreadable as error:
            logger.warning("a message that cannot be read goes to the dead letters: %s", error)
            self._unreadable.append(message)

    async def acknowledge(self) -> None:
        """Tell the broker that they are done with. If it cannot be told, they come again."""
        try:
            for message in self._unreadable:
                await _answered(message.reject(requeue=False))
            if self._last is not None:
                await _answered(self._last.ack(multiple=True))
        except BrokerUnavailable as error:
            logger.warning("messages are not acknowledged and will come again: %s", error)


@asynccontextmanager
async def subscribed(url: str, consumer: str) -> AsyncIterator[Subscription]:
    """A subscription to a consumer's queue, with the topology declared before."""
    async with connected(url, f"quartermaster {consumer}") as connection:
        await declare_on(connection, (consumer,))
        channel = await _answered(_channel(connection))
        await _answered(channel.set_qos(prefetch_count=PREFETCH, timeout=CALL_TIMEOUT_S))
        queue = await _answered(channel.get_queue(queue_name(consumer), ensure=False))
        subscription = Subscription(queue)
        await subscription.start()
        yield subscription


async def _channel(
    connection: AbstractConnection, *, on_return_raises: bool = False
) -> AbstractChannel:
    channel = connection.channel(publisher_confirms=True, on_return_raises=on_return_raises)
    await channel.initialize(timeout=CALL_TIMEOUT_S)
    return channel


async def _answered(call: Awaitable[T]) -> T:
    """The broker's answer. Raises ``BrokerUnavailable`` for every way of not getting one.

    A hung broker makes the library raise ``CancelledError`` when heartbeats are missed; that is
    the task's own cancellation only if somebody has asked for it.
    """
    try:
        async with asyncio.timeout(PUBLISH_TIMEOUT_S):
            return await call
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailable("the broker went silent") from error
    except PublishError:
        raise
    except (AMQPError, WireError, OSError, TimeoutError, RuntimeError) as error:
        raise BrokerUnavailable(f"{type(error).__name__}: {error}") from error
    except Exception as error:
        # What a close finds under way is refused with an exception of no kind.
        if type(error) is not Exception:
            raise
        raise BrokerUnavailable("the connection was closed meanwhile") from error
