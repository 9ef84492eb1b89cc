"""What is said to the broker is said, or known not to be."""

import asyncio
import logging

import pytest

from infrastructure.broker import PROJECTORS, Subscription, connected, publishing, queue_name
from tests.builders import requisitions as build
from tests.builders.log import EPOCH, MemoryLog


async def test_an_acknowledgement_that_a_close_finds_under_way_may_not_have_been_heard(
    broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A close without a reason gives what is under way an ``Exception`` that is nothing more."""
    (event, *_) = MemoryLog().append(build.told(build.approved()))
    async with publishing(broker, EPOCH) as publisher:
        await publisher.publish(event)
    async with connected(broker, "a test") as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(queue_name(PROJECTORS), ensure=False)
        subscription = Subscription(queue)
        await subscription.start()
        delivery = await subscription.next(1, 20)

        acknowledging = asyncio.create_task(delivery.acknowledge())
        await asyncio.sleep(0)
        await connection.close(None)  # type: ignore[arg-type] # as a close of the library's own
        with caplog.at_level(logging.WARNING):
            await acknowledging

    assert "will come again" in caplog.text
