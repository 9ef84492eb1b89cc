"""What a RabbitMQ runs as: processes of this machine, or a container.

Both keep in the server's folder by what they are found again, so that any process can signal and
stop them.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.machine import LOOPBACK, process_birth, run

IMAGE: Final = "rabbitmq:4-management"
_PULL_TIMEOUT_S: Final = 600.0
_DOCKER_TIMEOUT_S: Final = 30.0
_PORTS_INSIDE: Final = {"amqp": 5672, "management": 15672}


class Runner(Protocol):
    """A server that was started, here or by an earlier process."""

    def is_running(self) -> bool:
        """Whether it is there."""
        ...

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it is gone."""
        ...

    def forget(self) -> None:
        """Leave no trace of one that has ended."""
        ...


class Processes:
    """Processes of this machine, each the leader of its session."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes"

    def remember(self, pids: Sequence[int]) -> None:
        """Know these from now on; a later process with the same number is told apart."""
        born = [f"{pid} {process_birth(pid)}" for pid in pids]
        self._file.write_text("\n".join(born), encoding="ascii")

    def is_running(self) -> bool:
        """Whether any of them is there."""
        for pid, _ in self._known():
            # Bury those that were children of this very process.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        return next(self._living(), None) is not None

    def signal(self, number: signal.Signals) -> None:
        """Send it to all of them, and to what they started."""
        for pid in self._living():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)

    def forget(self) -> None:
        """Know none any more."""
        self._file.unlink(missing_ok=True)

    def _known(self) -> Iterator[tuple[int, str]]:
        with contextlib.suppress(FileNotFoundError):
            for line in self._file.read_text(encoding="ascii").splitlines():
                pid, _, birth = line.partition(" ")
                yield int(pid), birth

    def _living(self) -> Iterator[int]:
        for pid, birth in self._known():
            if birth and process_birth(pid) == birth:
                yield pid


class Container:
    """A container of Docker, named after the server's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "container"
        self._name = f"quartermaster-{sha256(str(folder).encode()).hexdigest()[:16]}"

    @staticmethod
    def is_possible() -> bool:
        """Whether a Docker engine answers."""
        return bool(shutil.which("docker")) and _docker("info")[0] == 0

    def exists(self) -> bool:
        """Whether the server of the folder was started as a container."""
        return self._file.exists()

    def launch(self, ports: Mapping[str, int], user: str, password: str) -> None:
        """Start it with its ports on 127.0.0.1; one that was killed goes on with its data.

        Raises ``EmbeddedUnavailable``.
        """
        if self.exists() and _docker("start", self._name)[0] == 0:
            return
        secrets = self._folder / "container.env"
        secrets.touch(mode=0o600)
        secrets.write_text(
            f"RABBITMQ_DEFAULT_USER={user}\nRABBITMQ_DEFAULT_PASS={password}\n", encoding="ascii"
        )
        published = [
            word
            for name, inside in _PORTS_INSIDE.items()
            for word in ("--publish", f"{LOOPBACK}:{ports[name]}:{inside}")
        ]
        self._file.touch()
        code, output = _docker(
            *("run", "--detach", "--name", self._name, "--hostname", "rabbitmq"),
            *("--env-file", str(secrets), *published, IMAGE),
            timeout_s=_PULL_TIMEOUT_S,
        )
        if code != 0:
            self.forget()
            last = (output.strip().splitlines() or ["it said nothing"])[-1]
            raise EmbeddedUnavailable(f"RabbitMQ: Docker does not start {IMAGE}: {last}")

    def is_running(self) -> bool:
        """Whether it is there, be it paused."""
        if not self.exists():
            return False
        code, output = _docker("inspect", "--format", "{{.State.Running}}", self._name)
        return code == 0 and output.strip() == "true"

    def signal(self, number: signal.Signals) -> None:
        """Send it to the server in the container."""
        words = {signal.SIGSTOP: ["pause"], signal.SIGCONT: ["unpause"]}
        _docker(*words.get(number, ["kill", "--signal", number.name]), self._name)

    def forget(self) -> None:
        """Remove it with its data."""
        _docker("rm", "--force", "--volumes", self._name)
        self._file.unlink(missing_ok=True)


def _docker(*words: str, timeout_s: float = _DOCKER_TIMEOUT_S) -> tuple[int, str]:
    return run(["docker", *words], timeout_s=timeout_s)
