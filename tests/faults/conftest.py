"""A second virtual host, for whoever stands between two sides."""

from collections.abc import Callable, Iterator

import pytest

from tests.fixtures.rabbitmq import Vhost


@pytest.fixture
def second_broker(_vhosts: Callable[[], Vhost]) -> Iterator[str]:
    """The AMQP URL of another virtual host of this test."""
    with _vhosts() as url:
        yield url
