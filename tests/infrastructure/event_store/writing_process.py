"""A process of four writers, some of whose transactions are rolled back.

Prints how many events it has stored. Arguments: URL, number of rounds, seed.
"""

import asyncio
import random
import sys

import psycopg

from infrastructure.event_store import binary
from infrastructure.event_store.append import APPEND, Batch, Stored
from infrastructure.event_store.writer import Writer
from tests.infrastructure.event_store.work import append

WRITERS = 4


async def _one_of_many(writer: Writer, chance: random.Random) -> int:
    """A command of the group commit: it is stored, or refused because its stream has moved."""
    events = chance.randint(1, 3)
    outcome = await writer.append(append(version=chance.choice((1, 1, 1, 2)), events=events), 30)
    return events if isinstance(outcome, Stored) else 0


async def _alone(url: str, chance: random.Random) -> int:
    """A transaction that holds the head for a while, and then commits or thinks better of it."""
    events = chance.randint(1, 3)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        binary.register(connection)
        batch = Batch([append(events=events)])
        await connection.execute(APPEND, batch.append_arguments(30, alone=True))
        await asyncio.sleep(chance.random() / 100)
        if chance.random() < 0.5:
            await connection.rollback()
            return 0
    return events


async def _write(url: str, writer: Writer, rounds: int, chance: random.Random) -> int:
    stored = 0
    for _ in range(rounds):
        if chance.random() < 0.1:
            stored += await _alone(url, chance)
        else:
            stored += await _one_of_many(writer, chance)
    return stored


async def _main(url: str, rounds: int, seed: int) -> None:
    async with Writer(url) as writer:
        counts = await asyncio.gather(
            *(_write(url, writer, rounds, random.Random(seed + n)) for n in range(WRITERS))
        )
    sys.stdout.write(str(sum(counts)))


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
