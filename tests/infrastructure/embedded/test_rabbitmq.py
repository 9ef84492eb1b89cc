"""The private RabbitMQ comes up, keeps its address, and goes away."""

import aio_pika
import pytest

from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq


async def _round_trip(url: str) -> bytes:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("letters", durable=True, timeout=10)
        await channel.default_exchange.publish(
            aio_pika.Message(b"hello"), routing_key=queue.name, timeout=10
        )
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


async def test_each_test_has_a_virtual_host_of_its_own(broker: str) -> None:
    assert await _round_trip(broker) == b"hello"
    assert "/test-" in broker


async def test_it_keeps_its_address_over_a_kill_and_forgets_all_when_wiped(
    own_rabbitmq: EmbeddedRabbitmq,
) -> None:
    own_rabbitmq.start()
    url = own_rabbitmq.url()
    assert await _round_trip(url) == b"hello"
    own_rabbitmq.kill()
    with pytest.raises(OSError, match="Connect call failed"):
        await aio_pika.connect(url, timeout=5)
    own_rabbitmq.wipe()
    own_rabbitmq.start()
    assert own_rabbitmq.url() == url
    assert await _round_trip(url) == b"hello"
