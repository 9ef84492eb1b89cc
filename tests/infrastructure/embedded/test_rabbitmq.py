"""The private RabbitMQ comes up, keeps its address, and goes away."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import psutil
import pytest

from cli.servers import Broker
from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.machine import process_name
from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq, find_binaries
from infrastructure.embedded.rabbitmq_container import Container
from tests.infrastructure.embedded.docker_engine import DockerEngine, serve
from tests.infrastructure.embedded.ports import held_for_a_moment

NO_ENGINE = "tcp://127.0.0.1:1"


@pytest.fixture
def docker_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerEngine]:
    """A stand-in for Docker's engine, answering on a socket as the real one does."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    with serve(tmp_path / "docker.sock") as engine:
        yield engine


def kill_server(folder: Path) -> None:
    """Kill RabbitMQ itself, as the system does where memory runs out, and see it gone."""
    number, _, _ = (folder / "processes").read_text(encoding="ascii").partition(" ")
    server = psutil.Process(int(number))
    assert server.name() == "beam.smp"
    server.kill()
    until = time.monotonic() + 10
    while process_name(server.pid):
        assert time.monotonic() < until, "it does not end"
        time.sleep(0.05)


async def _round_trip(url: str) -> bytes:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("letters", durable=True, timeout=10)
        await channel.default_exchange.publish(
            aio_pika.Message(b"hello"), routing_key=queue.name, timeout=10
        )
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


async def test_each_test_has_a_virtual_host_of_its_own(broker: str) -> None:
    assert await _round_trip(broker) == b"hello"
    assert "/test-" in broker


async def test_it_keeps_its_address_over_a_kill_of_its_server_and_starts_again_for_up(
    own_rabbitmq: EmbeddedRabbitmq,
) -> None:
    own_rabbitmq.start()
    assert not own_rabbitmq.was_cut_off
    url = own_rabbitmq.url()
    assert await _round_trip(url) == b"hello"
    # What it started beside itself lives on, and keeps its port.
    kill_server(own_rabbitmq.folder)
    assert own_rabbitmq.was_cut_off
    assert not own_rabbitmq.is_running()
    with pytest.raises(OSError, match=r"Connect call failed|reset"):
        await aio_pika.connect(url, timeout=5)
    port = urlsplit(url).port
    assert port is not None
    with held_for_a_moment(port):
        # As by a program that is dying: its ports outlive it.
        Broker(own_rabbitmq).start()
    assert own_rabbitmq.url() == url
    assert await _round_trip(url) == b"hello"
    own_rabbitmq.stop()
    assert not own_rabbitmq.was_cut_off


def test_a_container_is_found_signalled_and_removed_by_its_folder(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    folder = tmp_path / "server"
    folder.mkdir()

    assert Container.is_possible()
    Container(folder).launch({"amqp": 1234, "management": 1235}, "user", "secret")
    assert Container(folder).is_running()
    [container] = docker_engine.containers.values()
    assert container.published == {"5672/tcp": "127.0.0.1:1234", "15672/tcp": "127.0.0.1:1235"}
    assert "RABBITMQ_DEFAULT_PASS=secret" in container.environment

    Container(folder).signal(signal.SIGSTOP)
    assert container.state == "paused"
    Container(folder).signal(signal.SIGCONT)
    Container(folder).signal(signal.SIGTERM)
    assert container.signals == ["SIGTERM"]
    assert not Container(folder).is_running()

    Container(folder).launch({"amqp": 1234, "management": 1235}, "user", "secret")
    assert Container(folder).is_running()
    assert len(docker_engine.containers) == 1, "one that was killed goes on with its data"

    Container(folder).forget()
    assert not Container(folder).exists()
    assert not docker_engine.containers


def test_an_engine_that_refuses_is_told_in_one_line(
    tmp_path: Path, docker_engine: DockerEngine
) -> None:
    docker_engine.refuses = "no space left on device"
    with pytest.raises(EmbeddedUnavailable, match="no space left on device"):
        Container(tmp_path).launch({"amqp": 1234, "management": 1235}, "user", "secret")
    assert not Container(tmp_path).exists()


def test_without_an_engine_no_container_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    assert not Container.is_possible()


def test_where_none_can_be_had_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.embedded.rabbitmq.on_this_machine", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    with pytest.raises(EmbeddedUnavailable) as refused:
        find_binaries(lambda _: None)
    assert "QM_AMQP_URL" in str(refused.value)
    assert "\n" not in str(refused.value)
