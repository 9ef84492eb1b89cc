"""What stands in the queues of a broker, and what happens to them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel

from infrastructure.broker import EXCHANGE, declare_topology, queue_name


@dataclass(frozen=True, slots=True)
class Message:
    headers: dict[str, Any]
    body: bytes
    routing_key: str | None

    @property
    def position(self) -> int:
        return int(self.headers["cloudEvents:position"])


@asynccontextmanager
async def channel(url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(url, timeout=10) as connection:
        yield await connection.channel()


async def taken(url: str, consumer: str, count: int) -> list[Message]:
    """The next messages of a consumer's queue, taken out of it."""
    messages: list[Message] = []
    await declare_topology(url)
    async with channel(url) as open_channel:
        queue = await open_channel.get_queue(queue_name(consumer), ensure=False)
        async with queue.iterator(timeout=20) as arriving:
            while len(messages) < count:
                message = await anext(arriving)
                await message.ack()
                messages.append(Message(dict(message.headers), message.body, message.routing_key))
    return messages


async def unbind_all(url: str, consumers: tuple[str, ...]) -> None:
    """Leave the exchange without any queue."""
    async with channel(url) as open_channel:
        for consumer in consumers:
            queue = await open_channel.get_queue(queue_name(consumer), ensure=False)
            await queue.unbind(EXCHANGE, routing_key="#")
