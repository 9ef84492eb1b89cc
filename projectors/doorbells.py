"""What wakes a projection: messages of the broker, or the log itself where there is no broker.

Both only ring. Behind either, the log is looked at whenever nothing has been heard for a second.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from infrastructure.broker import PROJECTORS, BrokerUnavailable, Subscription, subscribed
from infrastructure.log_bell import LogBell, rung
from infrastructure.messages import LogMessage

POLL_S: Final = 1.0
MESSAGES: Final = 500
SHORTEST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0

logger = logging.getLogger(__name__)


async def _nothing() -> None:
    """Nothing is to be said back."""


@dataclass(frozen=True)
class Ring:
    """What was heard: messages with events, or none (then the log is looked at).

    ``quiet`` where a second has passed and nothing was heard. ``done`` is to be called once
    everything in it is committed.
    """

    messages: Sequence[LogMessage] = ()
    quiet: bool = False
    done: Callable[[], Awaitable[None]] = _nothing


class Doorbell(Protocol):
    """Something that rings when there may be events."""

    async def wait(self, timeout_s: float = POLL_S) -> Ring:
        """The next ring, or a quiet one when ``timeout_s`` has passed."""
        ...

    def mistrust(self) -> None:
        """Events came that it did not ring for: whatever it hangs on is to be made anew."""
        ...


class LogDoorbell:
    """Rings when the log grows."""

    def __init__(self, bell: LogBell) -> None:
        self._rings = bell.listener()

    async def wait(self, timeout_s: float = POLL_S) -> Ring:
        """A ring without messages."""
        return Ring(quiet=not await rung(self._rings, timeout_s))

    def mistrust(self) -> None:
        """Nothing: the bell asks its connection by itself."""


class BrokerDoorbell:
    """Rings with the messages of the projectors' queue; while there is no broker, with the log.

    ``run`` must be running.
    """

    def __init__(self, amqp_url: str, log: LogDoorbell) -> None:
        self._amqp_url = amqp_url
        self._log = log
        self._subscription: Subscription | None = None

    @property
    def is_heard(self) -> bool:
        """Whether messages can come just now."""
        return self._subscription is not None and not self._subscription.ended.is_set()

    async def wait(self, timeout_s: float = POLL_S) -> Ring:
        """A ring with all messages that have come, where there is a broker."""
        if self._subscription is None or not self.is_heard:
            return await self._log.wait(timeout_s)
        delivery = await self._subscription.next(MESSAGES, timeout_s)
        if delivery.is_empty:
            return Ring(quiet=True)
        return Ring(delivery.messages, done=delivery.acknowledge)

    def mistrust(self) -> None:
        """Subscribe again."""
        if self._subscription is not None:
            self._subscription.ended.set()

    async def run(self) -> None:
        """Stay subscribed, until cancelled."""
        pause_s = SHORTEST_PAUSE_S
        while True:
            try:
                async with subscribed(self._amqp_url, PROJECTORS) as subscription:
                    pause_s = SHORTEST_PAUSE_S
                    self._subscription = subscription
                    await subscription.ended.wait()
            except BrokerUnavailable as error:
                logger.warning("following the log alone: %s", error)
            finally:
                self._subscription = None
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
