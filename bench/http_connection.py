"""A bare HTTP/1.1 client: one keep-alive connection, one request at a time, little work."""

import asyncio
import re
from typing import Final, cast

_ANSWER_WITHIN_S: Final = 30.0
_LENGTH: Final = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


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

    async def request(
        self, method: str, path: str, headers: str, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Status and body of the answer. ``headers`` end with CR LF."""
        if self._transport is None:
            raise ConnectionError(path)
        self._answer = asyncio.get_running_loop().create_future()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        return await asyncio.wait_for(self._answer, _ANSWER_WITHIN_S)

    @property
    def is_open(self) -> bool:
        """Whether the other side has not hung up."""
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        """Hang up."""
        if self._transport:
            self._transport.close()


async def connect(port: int) -> Connection:
    """A connection to ``port`` on this machine."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    return connection
