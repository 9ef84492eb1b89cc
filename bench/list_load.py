"""The load of the benchmark of lists: clients who ask for pages, each again once it is answered.

A process of its own, with a bare HTTP/1.1 client: ``python -m bench.list_load`` reads a ``Job`` as
JSON from stdin and prints ``Answers``.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

import orjson
import uvloop

from bench.http_connection import Connection, connect
from bench.processes import ROOT


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask for: one of the ``paths`` by chance, by so many clients at once."""

    port: int
    token: str
    paths: Sequence[str]
    clients: int
    warm_up_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Answers:
    """The times of the answers to what was asked after the warm-up, in ms, ascending.

    ``seconds`` are those from the warm-up's end to the last answer.
    """

    ms: Sequence[float]
    seconds: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.ms) / self.seconds


class NotAPage(Exception):
    """An answer that is not 200."""


def ask(job: Job) -> Answers:
    """Carry out ``job`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.list_load"],
        input=orjson.dumps(asdict(job)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=job.warm_up_s + job.seconds + 60,
        check=True,
    )
    return Answers(**orjson.loads(done.stdout))


async def run(job: Job) -> Answers:
    """Carry out ``job`` here. Raises ``NotAPage``."""
    connections = [await connect(job.port) for _ in range(job.clients)]
    begin = time.monotonic() + job.warm_up_s
    taken: list[float] = []
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(_go_round(job, connection, begin, taken))
    seconds = time.monotonic() - begin
    for connection in connections:
        connection.close()
    return Answers(sorted(round(1000 * each, 3) for each in taken), seconds)


async def _go_round(job: Job, connection: Connection, begin: float, taken: list[float]) -> None:
    """Ask until the time is up, and once at least after the warm-up."""
    headers = f"Authorization: Bearer {job.token}\r\n"
    counted = False
    while (asked := time.monotonic()) < begin + job.seconds or not counted:
        status, content = await connection.request("GET", random.choice(job.paths), headers)
        if status != HTTPStatus.OK:
            raise NotAPage(f"{status} {content[:300]!r}")
        if asked >= begin:
            counted = True
            taken.append(time.monotonic() - asked)


def main() -> None:
    """Read the job, do it, print the answers."""
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(asdict(uvloop.run(run(job)))))


if __name__ == "__main__":
    main()
