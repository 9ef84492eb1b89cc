"""The load of the HTTP benchmark: members who drive requisitions from draft to hand-over.

A process of its own, with a bare HTTP/1.1 client, so that making the load costs little beside
serving it: ``python -m bench.load`` reads a ``Job`` as JSON from stdin and prints a ``Result``.
"""

import asyncio
import re
import sys
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any, Final, cast
from uuid import uuid4

import orjson
import uvloop

PASSWORD: Final = "bench-bench-bench"  # noqa: S105 - of throw-away users
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
_ANSWER_WITHIN_S: Final = 30.0
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """What to drive. ``prefix`` stands before each path; ``tokens`` are by member."""

    port: int
    prefix: str
    tokens: dict[str, str]
    project_id: str
    policy_id: str
    clients: int
    warm_up_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it: answers within the measured time, and latencies in ms by command."""

    commands: int
    seconds: float
    p50_ms: dict[str, float]
    p99_ms: dict[str, float]
    refused: dict[str, int]

    @property
    def rate(self) -> float:
        """Commands a second."""
        return self.commands / self.seconds


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Collect an answer until it is whole."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        length = _LENGTH.search(self._received, 0, head_end)
        end = head_end + 4 + (int(length[1]) if length else 0)
        if len(self._received) >= end:
            status, body = int(self._received[9:12]), bytes(self._received[head_end + 4 : end])
            del self._received[:end]
            self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """An answer that is still due will not come."""
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    async def post(self, path: str, token: str, body: bytes) -> tuple[int, bytes]:
        """Send a command under a fresh idempotency key; status and body of the answer."""
        if self._transport is None:
            raise ConnectionError(path)
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Idempotency-Key: {uuid4().hex}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        return await asyncio.wait_for(self._answer, _ANSWER_WITHIN_S)

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()


class Refused(Exception):
    """An answer that is not 2xx."""


class _Member:
    """One client: goes round and round, and notes how long each answer took."""

    def __init__(self, job: Job, connection: Connection, begin: float) -> None:
        self._job = job
        self._connection = connection
        self._begin = begin
        self._end = begin + job.seconds
        self.taken_s: defaultdict[str, list[float]] = defaultdict(list)
        self.refused: Counter[str] = Counter()
        item = {"kind": "purchase", "description": "A box of screws"}
        self._line = orjson.dumps({"item": item, "quantity": 1})
        draft = {"project_id": job.project_id, "policy_id": job.policy_id, "amount": 34.5}
        self._draft = orjson.dumps({**draft, "purpose": "Screws for the bench", "lines": []})

    async def go_round(self) -> None:
        while time.monotonic() < self._end:
            try:
                await self._requisition()
            except Refused as refused:
                self.refused[str(refused)] += 1

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
        asked = time.monotonic()
        token = self._job.tokens[member]
        status, content = await self._connection.post(self._job.prefix + path, token, body)
        answered = time.monotonic()
        if not 200 <= status < 300:  # noqa: PLR2004 - HTTP
            raise Refused(f"{name}: {status} {content[:300]!r}")
        if self._begin <= answered < self._end:
            self.taken_s[name].append(answered - asked)
        answer: dict[str, Any] = orjson.loads(content)
        return answer


async def run(job: Job) -> Result:
    """Carry out ``job`` and say what came of it."""
    loop = asyncio.get_running_loop()
    connections = [
        (await loop.create_connection(Connection, "127.0.0.1", job.port))[1]
        for _ in range(job.clients)
    ]
    begin = time.monotonic() + job.warm_up_s
    members = [_Member(job, connection, begin) for connection in connections]
    async with asyncio.TaskGroup() as group:
        for member in members:
            group.create_task(member.go_round())
    for connection in connections:
        connection.close()
    taken: defaultdict[str, list[float]] = defaultdict(list)
    refused: Counter[str] = Counter()
    for member in members:
        refused += member.refused
        for name, seconds in member.taken_s.items():
            taken[name] += seconds
    return Result(
        commands=sum(map(len, taken.values())),
        seconds=job.seconds,
        p50_ms={name: quantile_ms(seconds, 0.50) for name, seconds in taken.items()},
        p99_ms={name: quantile_ms(seconds, 0.99) for name, seconds in taken.items()},
        refused=dict(refused),
    )


def quantile_ms(seconds: list[float], quantile: float) -> float:
    """The quantile of some durations, in ms; not a number where there are none."""
    if not seconds:
        return float("nan")
    ordered = sorted(seconds)
    return 1000 * ordered[min(int(quantile * len(ordered)), len(ordered) - 1)]


def main() -> None:
    """Read the job, do it, print the result."""
    job = Job(**orjson.loads(sys.stdin.buffer.read()))
    result = uvloop.run(run(job))
    sys.stdout.buffer.write(orjson.dumps(asdict(result)))


if __name__ == "__main__":
    main()
