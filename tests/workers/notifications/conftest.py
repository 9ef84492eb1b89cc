"""A lab, and a mail server and a receiver of webhooks on loopback."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.fixtures.postgres import Database
from tests.fixtures.smtp_server import SmtpServer
from tests.fixtures.webhook_receiver import Receiver
from tests.workers.notifications.scene import Scene, scene_of


@pytest.fixture
def scene(database: Database) -> Iterator[Scene]:
    made = scene_of(database)
    yield made
    made.world.engine.dispose()


@pytest.fixture
async def mail() -> AsyncIterator[SmtpServer]:
    async with SmtpServer().running() as running:
        yield running


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().running() as running:
        yield running
