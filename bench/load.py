"""The load of the HTTP benchmarks: members who drive requisitions from draft to hand-over.

A process of its own, with a bare HTTP/1.1 client, so that making the load costs little beside
serving it: ``python -m bench.load`` reads a ``Job`` as JSON from stdin and prints a ``Result``.
"""

import asyncio
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

import orjson
import uvloop

from bench.http_connection import Connection, connect

PASSWORD: Final = "bench-bench-bench"  # noqa: S105 - of throw-away users
SUCCESS: Final = range(200, 300)
STEPS: Final = [
    {"name": "First look", "permission": "requisitions:approve"},
    {"name": "Last word", "permission": "requisitions:approve"},
]
PERMISSIONS: Final = {
    "employee": ["requisitions:create", "requisitions:read"],
    "approver": ["requisitions:create", "requisitions:read", "requisitions:approve"],
    "technician": [
        "requisitions:create",
        "requisitions:read",
        "requisitions:approve",
        "requisitions:fulfil",
    ],
}


@dataclass(frozen=True, slots=True)
class Job:
    """What to drive.

    ``prefix`` stands before each path; ``tokens`` are by member. ``rate`` (commands a second)
    paces the load; without it every client asks again at once. With ``watch_port`` every
    ``watch_every``-th command is looked for in the query API there, until it is visible.
    """

    port: int
    prefix: str
    tokens: Mapping[str, str]
    project_id: str
    policy_id: str
    clients: int
    warm_up_s: float
    seconds: float
    rate: float | None = None
    watch_port: int | None = None
    watch_every: int = 10


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: answers within the measured time, and latencies in ms.

    ``answered_ms`` is by command. ``visible_ms`` is from a command's answer to the moment in which
    the query API shows it. Both are ascending.
    """

    commands: int
    seconds: float
    answered_ms: Mapping[str, Sequence[float]]
    visible_ms: Sequence[float]
    refused: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Commands a second."""
        return self.commands / self.seconds


def quantile(ascending: Sequence[float], share: float) -> float:
    """The quantile of ascending figures; not a number where there are none."""
    if not ascending:
        return float("nan")
    return ascending[min(int(share * len(ascending)), len(ascending) - 1)]


class Refused(Exception):
    """An answer that is not 2xx."""


@dataclass(slots=True)
class _Notes:
    """What the members write down while the clock runs."""

    begin: float
    end: float
    answered: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    visible: list[float] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def counts(self, moment: float) -> bool:
        return self.begin <= moment < self.end


class _Pace:
    """Lets commands go at a given rate, evenly; without a rate, at once."""

    def __init__(self, rate: float | None) -> None:
        self._gap = 1 / rate if rate else 0.0
        self._next = time.monotonic()

    async def turn(self) -> None:
        if self._gap:
            self._next = max(self._next + self._gap, time.monotonic() - 1)
            await asyncio.sleep(max(self._next - time.monotonic(), 0))


class _Watch:
    """Looks for every n-th command in the query API, each look on a connection of its own."""

    def __init__(self, job: Job, notes: _Notes) -> None:
        self._job = job
        self._notes = notes
        self._idle: list[Connection] = []
        self._seen = 0
        self.looks: set[asyncio.Task[None]] = set()

    def told(self, receipt: Mapping[str, Any], answered: float) -> None:
        self._seen += 1
        if self._job.watch_port and self._seen % self._job.watch_every == 0:
            look = asyncio.create_task(self._look(receipt, answered))
            self.looks.add(look)
            look.add_done_callback(self.looks.discard)

    async def _look(self, receipt: Mapping[str, Any], answered: float) -> None:
        connection = await self._connection(self._job.watch_port or 0)
        headers = (
            f"Authorization: Bearer {self._job.tokens['employee']}\r\n"
            f"Min-Position: {receipt['position']}\r\nPrefer: wait=20\r\n"
        )
        path = f"{self._job.prefix}/requisitions/{receipt['id']}"
        status, content = await connection.request("GET", path, headers)
        visible = time.monotonic()
        self._idle.append(connection)
        shown = orjson.loads(content)
        if status != HTTPStatus.OK or shown["version"] < receipt["version"]:
            self._notes.refused[f"look: {status} {content[:200]!r}"] += 1
        elif self._notes.counts(answered):
            self._notes.visible.append(visible - answered)

    async def _connection(self, port: int) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return await connect(port)

    async def end(self) -> None:
        await asyncio.gather(*self.looks)
        for connection in self._idle:
            connection.close()


class _Member:
    """One client: goes round and round until the time is up."""

    def __init__(
        self, job: Job, connection: Connection, notes: _Notes, pace: _Pace, watch: _Watch
    ) -> None:
        self._job = job
        self._connection = connection
        self._notes = notes
        self._pace = pace
        self._watch = watch
        item = {"kind": "purchase", "description": "A box of screws"}
        self._line = orjson.dumps({"item": item, "quantity": 1})
        draft = {"project_id": job.project_id, "policy_id": job.policy_id, "amount": 34.5}
        self._draft = orjson.dumps({**draft, "purpose": "Screws for the bench", "lines": []})

    async def go_round(self) -> None:
        while time.monotonic() < self._notes.end:
            try:
                await self._requisition()
            except Refused as refused:
                self._notes.refused[str(refused)] += 1

    async def _requisition(self) -> None:
        draft = await self._post("draft", "employee", "/requisitions", self._draft)
        path = f"/requisitions/{draft['id']}"
        line = await self._post("add line", "employee", f"{path}/lines", self._line)
        await self._post("submit", "employee", f"{path}/submit", b"{}")
        await self._post("approve", "approver", f"{path}/approve", b"{}")
        await self._post("approve", "technician", f"{path}/approve", b"{}")
        met = f"{path}/lines/{line['line_id']}/fulfil"
        await self._post("fulfil", "technician", met, b'{"quantity":1}')

    async def _post(self, name: str, member: str, path: str, body: bytes) -> dict[str, Any]:
        await self._pace.turn()
        headers = (
            f"Authorization: Bearer {self._job.tokens[member]}\r\n"
            f"Idempotency-Key: {uuid4().hex}\r\n"
        )
        if not self._connection.is_open:
            self._connection = await connect(self._job.port)
        asked = time.monotonic()
        status, content = await self._connection.request(
            "POST", self._job.prefix + path, headers, body
        )
        answered = time.monotonic()
        if status not in SUCCESS:
            raise Refused(f"{name}: {status} {content[:300]!r}")
        if self._notes.counts(answered):
            self._notes.answered[name].append(answered - asked)
        receipt: dict[str, Any] = orjson.loads(content)
        self._watch.told(receipt, answered)
        return receipt


async def run(job: Job) -> Result:
    """Carry out ``job`` and say what came of it."""
    connections = [await connect(job.port) for _ in range(job.clients)]
    begin = time.monotonic() + job.warm_up_s
    notes, pace = _Notes(begin, begin + job.seconds), _Pace(job.rate)
    watch = _Watch(job, notes)
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(_Member(job, connection, notes, pace, watch).go_round())
    await watch.end()
    for connection in connections:
        connection.close()
    return Result(
        commands=sum(map(len, notes.answered.values())),
        seconds=job.seconds,
        answered_ms={name: _ms(seconds) for name, seconds in notes.answered.items()},
        visible_ms=_ms(notes.visible),
        refused=dict(notes.refused),
    )


def _ms(seconds: list[float]) -> list[float]:
    return sorted(round(1000 * each, 3) for each in seconds)


def main() -> None:
    """Read the job, do it, print the result."""
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(orjson.dumps(asdict(uvloop.run(run(job)))))


if __name__ == "__main__":
    main()
