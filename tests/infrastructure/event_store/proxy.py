"""A network between a client and Postgres that can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

CHUNK = 65536


class Proxy:
    """Forwards bytes both ways until it is told otherwise.

    ``lose_next_reply``: the next reply of the server is awaited and then lost, with the
    connection. ``lose_next_request``: the same for what the client says next. ``hold_requests``:
    what clients of today say reaches the server only after ``release``; connections made later
    are not held. ``swallow``: every byte, both ways, of every connection, is lost until ``heal``.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._lose_reply = False
        self._lose_request = False
        self._through = asyncio.Event()
        self._through.set()
        self._released = asyncio.Event()
        self._released.set()
        self._held: set[asyncio.StreamReader] = set()
        self._clients: set[asyncio.StreamReader] = set()
        self._flows: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._orphaned: set[asyncio.StreamWriter] = set()

    def lose_next_reply(self) -> None:
        self._lose_reply = True

    def lose_next_request(self) -> None:
        self._lose_request = True

    def hold_requests(self) -> None:
        self._held = set(self._clients)
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def hang_up(self) -> None:
        """Cut every client off; what it has said stays with the server."""
        for answer, server in zip(self._writers[::2], self._writers[1::2], strict=True):
            self._orphaned.add(server)
            answer.transport.abort()

    def swallow(self) -> None:
        self._through.clear()

    def heal(self) -> None:
        self._through.set()

    async def serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        reply, server = await asyncio.open_connection(*self._target)
        self._clients.add(client)
        self._writers += [answer, server]
        for flow in (
            self._requests(client, server, answer),
            self._replies(reply, answer, server),
        ):
            task = asyncio.create_task(flow)
            self._flows.add(task)

    async def close(self) -> None:
        for flow in self._flows:
            flow.cancel()
        await asyncio.gather(*self._flows, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*(w.wait_closed() for w in self._writers), return_exceptions=True)

    async def _requests(
        self,
        client: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        answer: asyncio.StreamWriter,
    ) -> None:
        while said := await _next(client):
            await self._through.wait()
            if self._lose_request:
                self._lose_request = False
                break
            if client in self._held:
                await self._released.wait()
            server.write(said)
            await server.drain()
        if server not in self._orphaned:
            server.close()
        answer.close()

    async def _replies(
        self,
        reply: asyncio.StreamReader,
        answer: asyncio.StreamWriter,
        server: asyncio.StreamWriter,
    ) -> None:
        while said := await _next(reply):
            await self._through.wait()
            if self._lose_reply:
                self._lose_reply = False
                break
            answer.write(said)
        answer.close()
        server.close()


async def _next(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.read(CHUNK)
    except ConnectionError:
        return b""


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the database of a URL, and the URL that goes through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "", parts.port or 0)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    netloc = parts.netloc.replace(f":{parts.port}", f":{port}")
    try:
        yield proxy, urlunsplit(parts._replace(netloc=netloc))
    finally:
        server.close()
        await proxy.close()
