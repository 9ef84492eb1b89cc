"""A client joined to a simulated server, in memory or over a real connection."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from zoneinfo import ZoneInfo

import httpx
from pydantic import SecretStr

from demo.snipe_it_simulator.access import DEMO_TOKEN
from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.serving import serve
from demo.snipe_it_simulator.simulator import Settings, Simulator
from infrastructure.snipe_it.budget import Budget
from infrastructure.snipe_it.client import SnipeIt, open_snipe_it
from infrastructure.snipe_it.reading import Reader
from infrastructure.snipe_it.settings import Connection, Deadlines
from infrastructure.snipe_it.transport import Transport
from infrastructure.snipe_it.writing import Writer
from tests.snipe_it_recordings import SEED

UTC_ZONE = ZoneInfo("UTC")
CONNECTION = Connection(
    base_url="http://127.0.0.1:8091",
    token=SecretStr(DEMO_TOKEN),
    calls_per_minute=6000,
    deadlines=Deadlines(connect=2, read=5, total=10),
)
OPERATION = "0c7a4f6e-1b1e-5d8f-9a53-6f2f0c1d2e3f"


def simulator(**settings: float | str) -> Simulator:
    """A server with the inventory of the recordings."""
    first = dataclasses.replace(Settings(calls_per_minute=6000), **settings)  # type: ignore[arg-type]  # names and types are the test's to get right
    return Simulator(read_dump(SEED), first_settings=first)


class Naps:
    """Stands for sleeping: remembers how long, takes no time."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


@asynccontextmanager
async def client(
    inner: httpx.AsyncBaseTransport,
    connection: Connection = CONNECTION,
    *,
    budget: Budget | None = None,
    naps: Naps | None = None,
) -> AsyncIterator[SnipeIt]:
    """A client over any HTTP transport; it does not really sleep between tries."""
    async with Transport(connection, budget=budget, inner=inner) as transport:
        reader = Reader(transport, connection, sleep=naps or Naps())
        yield SnipeIt(connection, transport, reader, Writer(transport, connection))


@asynccontextmanager
async def in_memory(
    server: Simulator, connection: Connection = CONNECTION
) -> AsyncIterator[SnipeIt]:
    """A client that calls the server without a network."""
    async with client(httpx.ASGITransport(SimulatorApp(server)), connection) as snipe_it:
        yield snipe_it


@asynccontextmanager
async def over_tcp(
    server: Simulator, deadlines: Deadlines = CONNECTION.deadlines
) -> AsyncIterator[SnipeIt]:
    """A client that calls the server over a real connection."""
    async with serve(server) as url:
        connection = dataclasses.replace(CONNECTION, base_url=url, deadlines=deadlines)
        async with open_snipe_it(connection) as snipe_it:
            yield snipe_it
