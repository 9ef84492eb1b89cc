"""Small facts about this machine that both embedded servers need."""

import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
# Linux lends ports from 32768 on, others from 49152 on (RFC 6335).
_FIRST_PORT: Final = 20_000
_LAST_PORT: Final = 32_000
_TRIES: Final = 100
# A killed RabbitMQ kept its ports for 20 ms after it counted as dead, beside six busy processes.
_LET_GO_S: Final = 5.0
_POLL_S: Final = 0.05
_PS_TIMEOUT_S: Final = 5.0
# A time as ps writes it has a weekday, month, day, time and year.
_LSTART_WORDS: Final = 5
# Of /proc/<pid>/stat, counted after the name.
_BIRTH: Final = 19


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment. Raises ``OSError``.

    It is none of those that systems lend to outgoing connections: a server that is stopped finds
    it free again.
    """
    for _ in range(_TRIES):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        if port_is_free(port):
            return port
    raise OSError(f"no port from {_FIRST_PORT} to {_LAST_PORT} is free")


def port_is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return True
    return False


def ports_come_free(*ports: int) -> bool:
    """Whether a server could listen on all ``ports`` of 127.0.0.1 now, or within five seconds.

    For the ports of an earlier run: a program that was killed keeps them for some moments after
    the system calls it dead.
    """
    until = time.monotonic() + _LET_GO_S
    while not all(map(port_is_free, ports)):
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def private_folder(path: Path) -> Path:
    """``path`` as a folder that nobody else can look into (0700). Raises ``OSError``."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def kept_secret(path: Path, size: int = 32) -> str:
    """The secret in the file ``path`` (0600); made up with ``size`` random bytes if there is none."""
    with contextlib.suppress(FileNotFoundError):
        kept = path.read_text(encoding="ascii").strip()
        if kept:
            return kept
    fresh = secrets.token_urlsafe(size)
    whole = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(fresh)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(path)
    return fresh


def process_name(pid: int) -> str:
    """The name of the process ``pid``; empty where there is none (or it is dead, unburied)."""
    return _process(pid)[0]


def process_birth(pid: int) -> str:
    """When the process ``pid`` began, which tells it from a later one; empty where there is none."""
    return _process(pid)[1]


def _process(pid: int) -> tuple[str, str]:
    if Path("/proc/self/stat").exists():
        return _process_by_proc(pid)
    return _process_by_ps(pid)


def _process_by_proc(pid: int) -> tuple[str, str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    name, _, rest = text.partition("(")[2].rpartition(")")
    fields = rest.split()
    return ("", "") if fields[0] == "Z" else (name, fields[_BIRTH])


def _process_by_ps(pid: int) -> tuple[str, str]:
    done = subprocess.run(  # noqa: S603  the number of a process, never a shell
        ["ps", "-o", "stat=,lstart=,comm=", "-p", str(pid)],  # noqa: S607  the system's own ps
        capture_output=True,
        text=True,
        timeout=_PS_TIMEOUT_S,
        check=False,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
    )
    state, *words = done.stdout.split() or ["Z"]
    if state.startswith("Z"):
        return "", ""
    birth, name = words[:_LSTART_WORDS], words[_LSTART_WORDS:]
    return " ".join(name).rpartition("/")[2], " ".join(birth)


def spawn(
    program: Path, arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> int:
    """Start a server in a session of its own, its output added to ``log``: its process number.

    It outlives us; ``process_birth`` tells whether it still runs.
    """
    return os.posix_spawn(
        str(program),
        [str(program), *arguments],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def run(
    command: Sequence[str | Path], *, timeout_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run ``command`` away from our terminal: its exit code and what it printed.

    124 stands for one that was killed after ``timeout_s``.
    """
    try:
        done = subprocess.run(  # noqa: S603  the callers' own programs, never a shell
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
            start_new_session=True,
            env=None if environment is None else dict(environment),
        )
    except subprocess.TimeoutExpired:
        return 124, f"error: no end after {timeout_s:.0f} s"
    return done.returncode, done.stdout
