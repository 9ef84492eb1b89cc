"""Runs a simulator on a port of this machine, inside a running event loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from demo.snipe_it_simulator.app import SimulatorApp
from demo.snipe_it_simulator.simulator import Simulator

START_SECONDS = 10.0
STOP_SECONDS = 5.0


@asynccontextmanager
async def serve(simulator: Simulator, port: int = 0) -> AsyncIterator[str]:
    """Serve on 127.0.0.1 (any free port, if 0) while the block runs; gives the base URL.

    The simulator's own links point there from then on. Raises TimeoutError where the server
    does not start.
    """
    listening = socket.create_server(("127.0.0.1", port))
    # asyncio does so for sockets that name their protocol, which this one does not: the second
    # half of an answer would wait 40 ms for the first to be acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    simulator.first_settings.base_url = simulator.settings.base_url = url
    config = uvicorn.Config(
        SimulatorApp(simulator),
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(START_SECONDS):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells by a flag only
                await asyncio.sleep(0.01)
        yield url
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=STOP_SECONDS)
        listening.close()
