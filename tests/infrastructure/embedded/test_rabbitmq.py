"""The private RabbitMQ comes up, keeps its address, and goes away."""

import signal
from pathlib import Path

import aio_pika
import pytest

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.rabbitmq import EmbeddedRabbitmq, find_binaries
from infrastructure.embedded.rabbitmq_runners import Container


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


async def test_it_keeps_its_address_over_a_kill_and_forgets_all_when_wiped(
    own_rabbitmq: EmbeddedRabbitmq,
) -> None:
    own_rabbitmq.start()
    url = own_rabbitmq.url()
    assert await _round_trip(url) == b"hello"
    own_rabbitmq.kill()
    with pytest.raises(OSError, match="Connect call failed"):
        await aio_pika.connect(url, timeout=5)
    own_rabbitmq.wipe()
    own_rabbitmq.start()
    assert own_rabbitmq.url() == url
    assert await _round_trip(url) == b"hello"


_ENGINE = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$1" in
    run) touch "{folder}/runs" ;;
    kill|rm) rm -f "{folder}/runs" ;;
    inspect) if [ -e "{folder}/runs" ]; then echo true; else echo false; fi ;;
esac
"""


def test_a_container_is_found_signalled_and_removed_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(_ENGINE.format(folder=tmp_path), encoding="ascii")
    engine.chmod(0o755)
    monkeypatch.setenv("PATH", f"{engine.parent}:/usr/bin:/bin")
    folder = tmp_path / "server"
    folder.mkdir()

    assert Container.is_possible()
    Container(folder).launch({"amqp": 1234, "management": 1235}, "user", "canary")
    assert Container(folder).is_running()
    Container(folder).signal(signal.SIGSTOP)
    Container(folder).signal(signal.SIGTERM)
    assert not Container(folder).is_running()
    Container(folder).forget()
    assert not Container(folder).exists()

    asked = (tmp_path / "asked").read_text(encoding="ascii")
    assert "--publish 127.0.0.1:1234:5672 --publish 127.0.0.1:1235:15672" in asked
    assert "canary" not in asked
    assert [line.split()[0] for line in asked.splitlines()] == [
        *("info", "run", "inspect", "pause", "kill", "inspect", "rm")
    ]


def test_where_none_can_be_had_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.embedded.rabbitmq.on_this_machine", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedUnavailable) as refused:
        find_binaries(lambda _: None)
    assert "QM_AMQP_URL" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_that_was_killed_is_known_as_cut_off(own_rabbitmq: EmbeddedRabbitmq) -> None:
    own_rabbitmq.start()
    assert not own_rabbitmq.was_cut_off
    own_rabbitmq.kill()
    assert own_rabbitmq.was_cut_off
    own_rabbitmq.start()
    own_rabbitmq.stop()
    assert not own_rabbitmq.was_cut_off
