"""Subscribers from outside, and a network between broker and projector that does its worst."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from infrastructure.broker import EXCHANGE, declare_topology

WAIT_S = 20.0


async def _bind(url: str, name: str) -> None:
    await declare_topology(url)
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, durable=True)
        await queue.bind(EXCHANGE, routing_key="#")


async def _drain(url: str, name: str) -> list[int]:
    positions: list[int] = []
    async with await aio_pika.connect(url, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(name, ensure=False)
        while (message := await queue.get(fail=False)) is not None:
            positions.append(int(str(message.headers["cloudEvents:position"])))
            await message.ack()
    return positions


class Subscriber:
    """An outside subscriber to everything, with a queue of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        asyncio.run(_bind(url, "outside"))

    def positions(self) -> list[int]:
        """What it was sent since it last looked."""
        return asyncio.run(_drain(self._url, "outside"))


class BadNetwork:
    """Carries messages from one broker's virtual host to another's: twice, late, or not at all."""

    def __init__(self, source: str, target: str, seed: int) -> None:
        self._source = source
        self._target = target
        self._chance = random.Random(seed)
        self.dropped = 0
        self.repeated = 0

    async def run(self, until: Event) -> None:
        await declare_topology(self._source)
        await declare_topology(self._target)
        async with (
            await aio_pika.connect(self._source, timeout=10) as source,
            await aio_pika.connect(self._target, timeout=10) as target,
        ):
            inward, outward = await source.channel(), await target.channel()
            queue = await inward.declare_queue("bad network", exclusive=True)
            await queue.bind(EXCHANGE, routing_key="#")
            exchange = await outward.get_exchange(EXCHANGE, ensure=False)
            held: list[AbstractIncomingMessage] = []
            while not until.is_set() or held:
                message = await queue.get(fail=False, no_ack=True)
                if message is not None:
                    held.append(message)
                if held and (message is None or len(held) >= 20):
                    await self._pass_on(exchange, held)
                if message is None:
                    await asyncio.sleep(0.02)

    async def _pass_on(
        self, exchange: AbstractExchange, held: list[AbstractIncomingMessage]
    ) -> None:
        message = held.pop(self._chance.randrange(len(held)))
        copies = self._chance.choice((0, 1, 1, 1, 2, 3))
        self.dropped += copies == 0
        self.repeated += copies > 1
        for _ in range(copies):
            copy = aio_pika.Message(
                message.body, headers=message.headers, content_type=message.content_type
            )
            await exchange.publish(copy, message.routing_key or "", timeout=10)


@contextmanager
def bad_network(source: str, target: str, seed: int) -> Iterator[BadNetwork]:
    """A bad network at work in a thread of its own."""
    network = BadNetwork(source, target, seed)
    stop = Event()
    thread = Thread(target=lambda: asyncio.run(network.run(stop)), daemon=True)
    thread.start()
    try:
        yield network
    finally:
        stop.set()
        thread.join(WAIT_S)
        assert not thread.is_alive()
