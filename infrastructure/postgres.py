"""Connections to Postgres: finite time-outs on every one, and a way to let go of a dead one."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

Connection = AsyncConnection[TupleRow]


class Pool(AsyncConnectionPool[Connection]):
    """A pool that forgets no cancellation.

    Before Python 3.12 ``asyncio.wait_for``, on which the library waits for a connection, drops a
    cancellation that comes in the moment of success: a task group would wait for ever for a task
    that was told to end and works on.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the library's signature
        """A connection, in time. Raises ``PoolTimeout``, and what a cancelled task has to raise."""
        before = _cancellations()
        connection = await super().getconn(timeout)
        if _cancellations() > before:
            await self.putconn(connection)
            raise asyncio.CancelledError
        return connection


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


CONNECT_S = 2
_SETTINGS = {
    "TimeZone": "UTC",
    "lock_timeout": "2s",
    "statement_timeout": "3s",
    "transaction_timeout": "4s",
    "idle_in_transaction_session_timeout": "1s",
}


def parameters(**timeouts: str) -> dict[str, Any]:
    """Connection parameters beside the URL: time-outs of the server and of the network.

    ``timeouts`` replace or add server settings, such as ``statement_timeout="30s"``.
    """
    settings = {**_SETTINGS, **timeouts}
    return {
        "autocommit": True,
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": 10_000,
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


def pool_of(url: str, *, min_size: int = 1, max_size: int = 8, **timeouts: str) -> Pool:
    """A pool of autocommit connections, not yet open. Waiting for one ends after two seconds."""
    return Pool(
        url,
        kwargs=parameters(**timeouts),
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_S,
        open=False,
    )


async def connect(url: str, within_s: float, **timeouts: str) -> Connection:
    """One autocommit connection. Raises ``psycopg.Error``, ``OSError`` or ``TimeoutError``."""
    async with asyncio.timeout(within_s):
        return await AsyncConnection.connect(url, **parameters(**timeouts))


def sever(connection: Connection) -> None:
    """Cut the connection's socket: whoever waits on it gets an error at once.

    Cancelling the waiting task instead would first ask the server to stop and wait for it, on a
    network that may swallow every packet.
    """
    if connection.closed:
        return
    with (
        socket.socket(fileno=os.dup(connection.fileno())) as line,
        suppress(OSError),  # the other side was faster: cut is cut
    ):
        line.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def severed_after(connection: Connection, seconds: float) -> AsyncIterator[None]:
    """Whatever is awaited on the connection inside ends after ``seconds``, if only by an error.

    A severed connection raises ``psycopg.OperationalError`` and is closed.
    """
    timer = asyncio.get_running_loop().call_later(seconds, sever, connection)
    try:
        yield
    finally:
        timer.cancel()
