"""The running system, over each kind of doorbell."""

from collections.abc import Iterator

import pytest

from tests.fixtures.postgres import Database
from tests.flows.live import Live, environment_of, live_system


@pytest.fixture
def live(database: Database) -> Iterator[Live]:
    """Everything over LISTEN, without a broker."""
    with live_system(environment_of(database)) as system:
        yield system


@pytest.fixture
def live_over_rabbitmq(database: Database, broker: str) -> Iterator[Live]:
    """Everything over a RabbitMQ."""
    with live_system(environment_of(database, QM_AMQP_URL=broker)) as system:
        yield system


@pytest.fixture(params=["LISTEN", "RabbitMQ"])
def live_either_way(request: pytest.FixtureRequest) -> Live:
    """Everything, once over each kind of doorbell."""
    name = "live" if request.param == "LISTEN" else "live_over_rabbitmq"
    system: Live = request.getfixturevalue(name)
    return system
