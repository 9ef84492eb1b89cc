"""From a command's answer to its being visible in the query API, through RabbitMQ.

At half of the highest rate found in the run, beside a bare publish → consume over a queue of the
same kind. The time that is measured includes the GET that looks.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import aio_pika

from bench.cast import job_for
from bench.commands_over_http import drive
from bench.load import Result, quantile
from bench.report import Figure, at_most, below
from bench.stack import Stack

P50_GOAL_MS: Final = 15.0
P99_GOAL_MS: Final = 60.0
RATIO_GOAL: Final = 5.0
CLIENTS: Final = 32
WARM_UP_S: Final = 2.0
FULL_S: Final = 6.0
HALF_S: Final = 25.0
WATCH_EVERY: Final = 20
"""Few enough that looking is not the load: one look costs as much as several commands."""

BARE_S: Final = 5.0
_TIMEOUT_S: Final = 10.0
_BODY: Final = b"x" * 300


def measure(stack: Stack) -> Sequence[Figure]:
    """The highest rate, the visibility at half of it, and the bare broker at the same rate."""
    with stack.everything() as ports:
        cast = stack.cast(ports.command)
        full = job_for(cast, ports.command, clients=CLIENTS, warm_up_s=WARM_UP_S, seconds=FULL_S)
        highest = drive(full).rate
        # What the full load has left in the queues is not what is measured next.
        drive(
            replace(full, rate=1.0, seconds=2.0, clients=1, watch_port=ports.query, watch_every=1)
        )
        half = replace(
            full,
            rate=highest / 2,
            watch_port=ports.query,
            watch_every=WATCH_EVERY,
            seconds=HALF_S,
        )
        result = drive(half)
        bare = asyncio.run(_bare(stack.amqp_url, highest / 2))
    return _figures(highest, result, bare)


def _figures(highest: float, result: Result, bare: Sequence[float]) -> Sequence[Figure]:
    ours_50, ours_99 = (quantile(result.visible_ms, share) for share in (0.5, 0.99))
    bare_50, bare_99 = (quantile(bare, share) for share in (0.5, 0.99))
    note = f"{len(result.visible_ms):,} looks at {result.rate:,.0f} commands/s"
    return [
        Figure("highest rate found, whole system on RabbitMQ", highest, "commands/s"),
        below("answered → visible, p50", ours_50, "ms", P50_GOAL_MS, note),
        below("answered → visible, p99", ours_99, "ms", P99_GOAL_MS, note),
        at_most("against bare publish → consume, p50", ours_50, "ms", "bare", bare_50, RATIO_GOAL),
        at_most("against bare publish → consume, p99", ours_99, "ms", "bare", bare_99, RATIO_GOAL),
    ]


async def _bare(url: str, rate: float) -> Sequence[float]:
    """Ascending times in ms from publishing to consuming, at ``rate`` messages a second."""
    connection = await aio_pika.connect(url, timeout=_TIMEOUT_S)
    async with connection:
        sending, receiving = await connection.channel(), await connection.channel()
        await receiving.set_qos(prefetch_count=500, timeout=_TIMEOUT_S)
        queue = await receiving.declare_queue(
            "bench.bare",
            durable=True,
            arguments={"x-queue-type": "quorum", "x-single-active-consumer": True},
            timeout=_TIMEOUT_S,
        )
        taken: list[float] = []

        async def consumed(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            taken.append(1000 * (time.monotonic() - float(str(message.message_id))))
            await message.ack()

        consumer = await queue.consume(consumed, timeout=_TIMEOUT_S)
        await _publish(sending, rate)
        await queue.cancel(consumer, timeout=_TIMEOUT_S)
        await queue.delete(if_unused=False, if_empty=False, timeout=_TIMEOUT_S)
    return sorted(taken)


async def _publish(channel: aio_pika.abc.AbstractChannel, rate: float) -> None:
    begin = time.monotonic()
    confirms: set[asyncio.Task[object]] = set()
    for number in range(int(rate * BARE_S)):
        await asyncio.sleep(max(begin + number / rate - time.monotonic(), 0))
        message = aio_pika.Message(
            _BODY,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(time.monotonic()),
        )
        publish = channel.default_exchange.publish(
            message, "bench.bare", mandatory=True, timeout=_TIMEOUT_S
        )
        confirm = asyncio.ensure_future(publish)
        confirms.add(confirm)
        confirm.add_done_callback(confirms.discard)
    await asyncio.gather(*confirms)
    await asyncio.sleep(0.5)
