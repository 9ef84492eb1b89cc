"""A RabbitMQ of our own on 127.0.0.1: for tests, and for ``QM_BROKER=private``.

Like the embedded Postgres it keeps everything that is known about it in its folder, so any
process can stop it, and its ports stay the same from start to start.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
import time
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from infrastructure.embedded.errors import EmbeddedUnavailable, explained
from infrastructure.embedded.machine import (
    LOOPBACK,
    free_port,
    kept_secret,
    ports_come_free,
    private_folder,
    spawn,
)
from infrastructure.embedded.rabbitmq_binaries import (
    HOW_TO_GET_IT,
    Binaries,
    Say,
    on_this_machine,
    unpacked,
)
from infrastructure.embedded.rabbitmq_container import Container
from infrastructure.embedded.rabbitmq_runners import Processes, Runner

USER: Final = "quartermaster"
_START_TIMEOUT_S: Final = 90.0
_STOP_TIMEOUT_S: Final = 20.0
_CALL_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.1
_ATTEMPTS: Final = 3
_PORTS: Final = ("amqp", "management", "distribution", "epmd")
_PLAIN_PATH: Final = re.compile(r"[\w./+-]+")


def find_binaries(say: Say) -> Binaries | None:
    """RabbitMQ's programs; None where only Docker can run it.

    Raises ``EmbeddedUnavailable`` with the line that says how to get it.
    """
    found = on_this_machine()
    trouble = "there is no RabbitMQ on this machine"
    if found is None:
        try:
            found = unpacked(say)
        except EmbeddedUnavailable as error:
            trouble = str(error)
    if found is None and not Container.is_possible():
        raise EmbeddedUnavailable(f"{trouble}; {HOW_TO_GET_IT}")
    return found


class _PortLost(EmbeddedUnavailable):
    """Between choosing a port and listening on it, another program took it."""


class EmbeddedRabbitmq:
    """The RabbitMQ whose data, password and log stand in ``folder``. ``say`` hears progress."""

    def __init__(self, folder: Path, say: Say = lambda _: None) -> None:
        self.folder = folder.absolute()
        self._say = say
        self._processes = Processes(self.folder)
        self._container = Container(self.folder)
        self._started_mark = self.folder / "started"

    def start(self) -> None:
        """Start it, or take over the one that runs here. Raises ``EmbeddedUnavailable``."""
        try:
            private_folder(self.folder)
            if self._runner.is_running() and self._is_ready():
                return
            if self._runner.remains():
                self.stop()
            self._start_on_free_ports()
        except OSError as error:
            raise explained("RabbitMQ", self.folder, str(error)) from error

    def is_running(self) -> bool:
        """Whether it is there, whoever started it."""
        return self._runner.is_running()

    def stop(self, within_s: float = _STOP_TIMEOUT_S) -> None:
        """Stop it in order, or kill it after ``within_s``. Nothing happens where none runs."""
        runner = self._runner
        ran = runner.is_running()
        for how in (signal.SIGTERM, signal.SIGKILL):
            if not runner.remains():
                break
            runner.signal(signal.SIGCONT)
            runner.signal(how)
            self._wait_until_gone(within_s)
            if ran and how is signal.SIGTERM and not runner.is_running():
                self._started_mark.unlink(missing_ok=True)
        runner.forget()
        with contextlib.suppress(OSError):
            shutil.rmtree((self.folder / "short").readlink().parent)
            (self.folder / "short").unlink()

    @property
    def was_cut_off(self) -> bool:
        """Whether it ended last time without being stopped in order: its queues may be broken."""
        return self._started_mark.exists() and not self._runner.is_running()

    def kill(self) -> None:
        """What a power cut does to it."""
        self._runner.signal(signal.SIGKILL)
        self._wait_until_gone(_STOP_TIMEOUT_S)

    def pause(self) -> None:
        """Leave it hanging, with its connections open."""
        self._runner.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after ``pause``."""
        self._runner.signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Delete all that it knows; it must be stopped."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        if self._container.exists():
            self._container.forget()

    def url(self, vhost: str = "/") -> str:
        """The AMQP URL of a virtual host."""
        name = quote(vhost, safe="")
        return f"amqp://{USER}:{self._password}@{LOOPBACK}:{self._port('amqp')}/{name}"

    def add_vhost(self, name: str) -> None:
        """Have the virtual host ``name``."""
        self._manage("PUT", f"/api/vhosts/{quote(name, safe='')}").raise_for_status()

    def remove_vhost(self, name: str) -> None:
        """Have no virtual host ``name`` any more."""
        self._manage("DELETE", f"/api/vhosts/{quote(name, safe='')}").raise_for_status()

    @cached_property
    def _password(self) -> str:
        return kept_secret(self.folder / "password")

    def _port(self, name: str) -> int:
        kept = json.loads((self.folder / "ports.json").read_text(encoding="ascii"))
        return int(kept[name])

    @property
    def _runner(self) -> Runner:
        return self._container if self._container.exists() else self._processes

    def _start_on_free_ports(self) -> None:
        for _ in range(_ATTEMPTS - 1):
            with contextlib.suppress(_PortLost):
                self._start()
                return
        self._start()

    def _start(self) -> None:
        binaries = None if self._container.exists() else find_binaries(self._say)
        self._choose_ports()
        self._started_mark.touch()
        log = self.folder / "rabbitmq.log"
        if binaries is None:
            ports = {name: self._port(name) for name in _PORTS}
            self._say("RabbitMQ: starting it in Docker …")
            self._container.launch(ports, USER, self._password)
        else:
            self._launch(binaries, log)
        until = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            if not self._runner.is_running() or time.monotonic() > until:
                self.stop()
                said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
                if "eaddrinuse" in said:
                    raise _PortLost("RabbitMQ: other programs took its ports; try again")
                raise explained("RabbitMQ", self.folder, said)
            time.sleep(_POLL_S)

    def _launch(self, binaries: Binaries, log: Path) -> None:
        paths = _Paths.shortened(self.folder, binaries)
        self._configure()
        environment = self._environment(paths)
        log.unlink(missing_ok=True)
        names = spawn(paths.program("epmd"), ["-port", str(self._port("epmd"))], environment, log)
        server = spawn(paths.scripts / "rabbitmq-server", [], environment, log)
        self._processes.remember([server, names])

    def _choose_ports(self) -> None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            if ports_come_free(*(self._port(name) for name in _PORTS)):
                return
        chosen = {name: free_port() for name in _PORTS}
        (self.folder / "ports.json").write_text(json.dumps(chosen), encoding="ascii")

    def _configure(self) -> None:
        for name in ("home", "data", "log"):
            private_folder(self.folder / name)
        settings = {
            "listeners.tcp.1": f"{LOOPBACK}:{self._port('amqp')}",
            "management.tcp.ip": LOOPBACK,
            "management.tcp.port": self._port("management"),
            "default_user": USER,
            "default_pass": self._password,
            "disk_free_limit.absolute": "50MB",
            "log.file.level": "warning",
        }
        text = "".join(f"{name} = {value}\n" for name, value in settings.items())
        path = self.folder / "rabbitmq.conf"
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
        (self.folder / "plugins").write_text("[rabbitmq_management].", encoding="ascii")

    def _environment(self, paths: "_Paths") -> dict[str, str]:
        own = paths.folder
        return {
            "PATH": os.pathsep.join(
                [*paths.path, os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]
            ),
            "LANG": "C.UTF-8",
            "HOME": str(own / "home"),
            **paths.erlang_environment,
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._port("epmd")),
            # Makes the script become the server instead of standing before it.
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_NODENAME": "qm@localhost",
            "RABBITMQ_NODE_PORT": str(self._port("amqp")),
            "RABBITMQ_DIST_PORT": str(self._port("distribution")),
            "RABBITMQ_CONFIG_FILE": str(own / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": str(own / "there-is-none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(own / "plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(own / "data" / "feature-flags"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(own / "data" / "generated"),
            "RABBITMQ_LOG_BASE": str(own / "log"),
            "RABBITMQ_MNESIA_BASE": str(own / "data"),
            "RABBITMQ_PID_FILE": str(own / "pid"),
            "RABBITMQ_SCHEMA_DIR": str(own / "data" / "schema"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1}"
                # Spinning schedulers would take the processor from those who wait for it.
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError, OSError):
            port = self._port("amqp")
            return self._manage("GET", f"/api/health/checks/port-listener/{port}").is_success
        return False

    def _manage(self, method: str, path: str) -> httpx.Response:
        return httpx.request(
            method,
            f"http://{LOOPBACK}:{self._port('management')}{path}",
            auth=(USER, self._password),
            timeout=_CALL_TIMEOUT_S,
            trust_env=False,
        )

    def _wait_until_gone(self, within_s: float) -> None:
        until = time.monotonic() + within_s
        while self._runner.remains() and time.monotonic() < until:
            time.sleep(_POLL_S)


class _Paths:
    """The same folders without blanks in their names: RabbitMQ's scripts do not take any."""

    def __init__(self, folder: Path, binaries: Binaries, root: Path | None) -> None:
        self.folder = folder
        self._erlang: Path | None = None
        self._libraries: tuple[Path, ...] = ()
        self.scripts = binaries.scripts
        if root is not None and binaries.root is not None and binaries.erlang is not None:
            self.scripts = root / binaries.scripts.relative_to(binaries.root)
            self._erlang = root / binaries.erlang.relative_to(binaries.root)
            self._libraries = binaries.libraries

    @classmethod
    def shortened(cls, folder: Path, binaries: Binaries) -> "_Paths":
        """Through links in a temporary folder, where a name has more than plain characters.

        The links are at the same place at every start: quorum queues keep whole paths.
        """
        root = binaries.root
        if _PLAIN_PATH.fullmatch(f"{folder}{root or ''}"):
            return cls(folder, binaries, root)
        name = sha256(str(folder).encode()).hexdigest()[:16]
        links = private_folder(Path(tempfile.gettempdir()) / f"qm-{os.getuid()}-{name}")
        for link, target in {"folder": folder, "root": root}.items():
            (links / link).unlink(missing_ok=True)
            if target is not None:
                (links / link).symlink_to(target)
        short = folder / "short"
        short.unlink(missing_ok=True)
        short.symlink_to(links / "folder")
        return cls(links / "folder", binaries, None if root is None else links / "root")

    @property
    def path(self) -> list[str]:
        """Folders of programs that come first."""
        return [] if self._erlang is None else [str(self._erlang / "bin")]

    @property
    def erlang_environment(self) -> dict[str, str]:
        """How unpacked Erlang finds itself."""
        if self._erlang is None:
            return {}
        libraries = os.pathsep.join(map(str, self._libraries))
        return {"ERL_ROOTDIR": str(self._erlang), "LD_LIBRARY_PATH": libraries}

    def program(self, name: str) -> Path:
        """A program of Erlang's."""
        search = os.pathsep.join([*self.path, os.environ.get("PATH", ""), "/usr/sbin"])
        found = shutil.which(name, path=search)
        if found is None:
            raise EmbeddedUnavailable(f"RabbitMQ: its Erlang has no {name}; {HOW_TO_GET_IT}")
        return Path(found)
