"""Postgres and the broker of ``up``: they run on their own, and are started again if they end."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from infrastructure.embedded.errors import EmbeddedUnavailable

if TYPE_CHECKING:
    from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq

LOOK_EVERY_S: Final = 2.0


class Server(Protocol):
    """An embedded server."""

    def is_running(self) -> bool:
        """Whether it is there."""
        ...

    def start(self) -> None:
        """Start it. Raises ``EmbeddedUnavailable``."""
        ...


class Broker:
    """The RabbitMQ of ``up``: after it was cut off it starts empty, for the log has all of it."""

    def __init__(self, rabbitmq: "EmbeddedRabbitmq") -> None:
        self._rabbitmq = rabbitmq

    def is_running(self) -> bool:
        """Whether it is there."""
        return self._rabbitmq.is_running()

    def start(self) -> None:
        """Start it. Raises ``EmbeddedUnavailable``."""
        if self._rabbitmq.was_cut_off:
            self._rabbitmq.stop()
            self._rabbitmq.wipe()
        self._rabbitmq.start()


async def keep_running(name: str, server: Server, say: Callable[[str], None]) -> None:
    """Start it again whenever it has ended, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if await asyncio.to_thread(server.is_running):
            continue
        say(f"{name} ended; starting it again")
        try:
            await asyncio.to_thread(server.start)
        except EmbeddedUnavailable as error:
            say(str(error))
        else:
            say(f"{name} runs again")
