"""Commands over HTTP: our command API against the CRUD peer, in rounds that alternate.

One process each, the same Postgres and durability, pool size, uvicorn settings, clients, rules,
authentication and idempotency keys. The load is a third process, the same for both.
"""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Final

import httpx
import orjson
from sqlalchemy.ext.asyncio import create_async_engine

from bench.cast import job_for
from bench.crud_peer.seed import seed
from bench.load import PASSWORD, PERMISSIONS, Job, Result, quantile
from bench.processes import ROOT, running, wait_for
from bench.report import Figure, at_least
from bench.stack import POOL_SIZE, Stack
from infrastructure.embedded.machine import free_port
from infrastructure.event_store.writer import LANES, LANES_FOR_ROWS

GOAL: Final = 2.0
CONNECTIONS: Final = POOL_SIZE + LANES + LANES_FOR_ROWS
"""What one process of ours may open: the peer gets as many."""

CLIENTS: Final = 32
ROUNDS: Final = 3
WARM_UP_S: Final = 2.0
ROUND_S: Final = 8.0


def measure(stack: Stack) -> Sequence[Figure]:
    """Both sides, ``ROUNDS`` times each, one after the other."""
    with _ours(stack) as ours, _peer(stack) as peer:
        results = [(drive(ours), drive(peer)) for _ in range(ROUNDS)]
    ours_rate = statistics.median(ours.rate for ours, _ in results)
    peer_rate = statistics.median(peer.rate for _, peer in results)
    spread = ", ".join(f"{ours.rate:,.0f}/{peer.rate:,.0f}" for ours, peer in results)
    overall = at_least(
        "commands over HTTP, one process",
        ours_rate,
        "/s",
        "CRUD",
        peer_rate,
        GOAL,
        f"{CLIENTS} clients, rounds ours/peer: {spread}",
    )
    return [overall, *_by_command([ours for ours, _ in results], [peer for _, peer in results])]


def drive(job: Job) -> Result:
    """Run the load of ``job`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=orjson.dumps(asdict(job)),
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=job.warm_up_s + job.seconds + 60,
        check=True,
    )
    result = Result(**orjson.loads(done.stdout))
    if result.refused:
        raise RuntimeError(f"the load was refused: {result.refused}")
    return result


@contextmanager
def _ours(stack: Stack) -> Iterator[Job]:
    with stack.command_api() as port:
        cast = stack.cast(port)
        yield job_for(cast, port, clients=CLIENTS, warm_up_s=WARM_UP_S, seconds=ROUND_S)


@contextmanager
def _peer(stack: Stack) -> Iterator[Job]:
    url = stack.new_database("crud_peer").replace("postgresql://", "postgresql+asyncpg://", 1)
    project_id, policy_id = asyncio.run(_seed(url))
    port = free_port()
    arguments = ["-m", "bench.crud_peer", str(port), str(CONNECTIONS)]
    with running(arguments, {"PEER_DATABASE_URL": url}) as process:
        wait_for(process, f"http://127.0.0.1:{port}/openapi.json")
        yield Job(
            port=port,
            prefix="",
            tokens={name: _peer_token(port, name) for name in PERMISSIONS},
            project_id=project_id,
            policy_id=policy_id,
            clients=CLIENTS,
            warm_up_s=WARM_UP_S,
            seconds=ROUND_S,
        )


async def _seed(url: str) -> tuple[str, str]:
    engine = create_async_engine(url)
    try:
        return await seed(engine)
    finally:
        await engine.dispose()


def _peer_token(port: int, name: str) -> str:
    answer = httpx.post(
        f"http://127.0.0.1:{port}/me/signin",
        data={"username": name, "password": PASSWORD},
        trust_env=False,
        timeout=10,
    )
    return str(answer.raise_for_status().json()["access_token"])


def _by_command(ours: Sequence[Result], peer: Sequence[Result]) -> Iterator[Figure]:
    for name in ours[0].answered_ms:
        mine, theirs = _together(ours, name), _together(peer, name)
        for label, share in (("p50", 0.5), ("p99", 0.99)):
            a, b = quantile(mine, share), quantile(theirs, share)
            yield Figure(f"  {name}, answered {label}", a, "ms", "CRUD", b, a / b)


def _together(results: Sequence[Result], name: str) -> list[float]:
    return sorted(value for result in results for value in result.answered_ms[name])
