"""A RabbitMQ in a container, where neither programs nor packages can be had."""

import contextlib
import signal
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from docker import DockerClient
from docker.errors import APIError, DockerException
from docker.models.containers import Container as FoundContainer
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient as Engine

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.machine import LOOPBACK

IMAGE: Final = "rabbitmq:4-management"
_ENGINE_TIMEOUT_S: Final = 600
"""Seconds for one answer of the engine: the first start has to fetch the image."""

_PORTS_INSIDE: Final = {"amqp": 5672, "management": 15672}


class Container:
    """A container of Docker, named after the server's folder.

    It has to outlive the process that started it, so the library's own reaper stays off: whoever
    finds the folder can stop what it names.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "container"
        self._name = f"quartermaster-{sha256(str(folder).encode()).hexdigest()[:16]}"

    @staticmethod
    def is_possible() -> bool:
        """Whether a Docker engine answers."""
        try:
            with _engine() as engine:
                return bool(engine.ping())
        except DockerException:
            return False

    def exists(self) -> bool:
        """Whether the server of the folder was started as a container."""
        return self._file.exists()

    def launch(self, ports: Mapping[str, int], user: str, password: str) -> None:
        """Start it with its ports on 127.0.0.1; one that was killed goes on with its data.

        Raises ``EmbeddedUnavailable``.
        """
        try:
            if not self._start_again():
                self._file.touch()
                _create(self._name, ports, user, password)
        except DockerException as error:
            self.forget()
            raise EmbeddedUnavailable(
                f"RabbitMQ: Docker does not start {IMAGE}: {error}"
            ) from error

    def is_running(self) -> bool:
        """Whether it is there, be it paused."""
        if not self.exists():
            return False
        with self._found() as container:
            return container is not None and bool(container.attrs["State"]["Running"])

    def remains(self) -> bool:
        """The same: nothing of it outlives it."""
        return self.is_running()

    def signal(self, number: signal.Signals) -> None:
        """Send it to the server in the container."""
        with self._found() as container, contextlib.suppress(APIError):
            if container is None:
                return
            if number is signal.SIGSTOP:
                container.pause()
            elif number is signal.SIGCONT:
                container.unpause()
            else:
                container.kill(signal=number.name)

    def forget(self) -> None:
        """Remove it with its data."""
        with contextlib.suppress(DockerException), self._found() as container:
            if container is not None:
                container.remove(force=True, v=True)
        self._file.unlink(missing_ok=True)

    def _start_again(self) -> bool:
        with self._found() as container:
            if container is None:
                return False
            container.start()
            return True

    @contextlib.contextmanager
    def _found(self) -> Iterator[FoundContainer | None]:
        with contextlib.ExitStack() as stack:
            try:
                container = stack.enter_context(_engine()).containers.get(self._name)
            except DockerException:
                # There is none of that name, or no engine that could run it.
                container = None
            yield container


@contextlib.contextmanager
def _engine() -> Iterator[DockerClient]:
    engine = Engine(timeout=_ENGINE_TIMEOUT_S).client
    try:
        yield engine
    finally:
        engine.close()


def _create(name: str, ports: Mapping[str, int], user: str, password: str) -> None:
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(IMAGE, name=name, hostname="rabbitmq")
    with contextlib.closing(container.get_docker_client().client):
        _start(container, ports, user, password)


def _start(container: DockerContainer, ports: Mapping[str, int], user: str, password: str) -> None:
    container.with_envs(RABBITMQ_DEFAULT_USER=user, RABBITMQ_DEFAULT_PASS=password)
    for port, inside in _PORTS_INSIDE.items():
        published = (LOOPBACK, ports[port])
        container.ports[f"{inside}/tcp"] = published  # type: ignore[assignment]  # its type knows no address, the engine's client does
    container.start()
