"""A real ``quartermaster up`` in a process of its own."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import httpx
import psutil

from infrastructure.embedded.guardian import stop_servers

ROOT: Final = Path(__file__).resolve().parents[2]
READY_WITHIN_S: Final = 120.0
STOPS_WITHIN_S: Final = 10.0
GREETING_LINES: Final = 3


class System:
    """``quartermaster up`` on ``port`` with its data in ``data``; ``lines`` is what it said."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self.lines: list[str] = []
        self.environment = environment(data, port)
        self._said: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def hear(self, part: str, times: int = 1) -> None:
        """Wait until it has said ``part`` so many times."""
        until = time.monotonic() + READY_WITHIN_S
        while sum(part in line for line in self.lines) < times:
            line = self._said.get(timeout=max(0.1, until - time.monotonic()))
            assert line is not None, f"it ended, having said {self.lines}"
            self.lines.append(line)

    def until_ready(self) -> None:
        self.hear("curl -s", GREETING_LINES)

    def shell_lines(self) -> str:
        """The lines that it prints for people to paste."""
        return "\n".join(line for line in self.lines if "curl -s" in line)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        code = self.process.wait(STOPS_WITHIN_S)
        self._reader.join(STOPS_WITHIN_S)
        return code

    def processes(self) -> dict[str, psutil.Process]:
        """Every process of it by what it is: jobs, Postgres and the supervisor."""
        found = {"up": psutil.Process(self.process.pid)}
        for child in found["up"].children(recursive=True):
            with contextlib.suppress(psutil.Error):
                words = child.cmdline()
                if "cli.main" in words:
                    found[words[words.index("cli.main") + 1]] = child
        pid = (self.data / "postgres" / "data" / "postmaster.pid").read_text(encoding="ascii")
        found["postgres"] = psutil.Process(int(pid.split("\n", 1)[0]))
        return found

    def wait_for(self, name: str) -> psutil.Process:
        """The process with this name, as soon as it is there."""
        until = time.monotonic() + READY_WITHIN_S
        while name not in (found := self.processes()):
            assert time.monotonic() < until, f"no {name} among {list(found)}"
            time.sleep(0.1)
        return found[name]

    def until_the_api_is_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN_S
        while not httpx.get(f"{self.origin}/health/ready", timeout=10, trust_env=False).is_success:
            assert time.monotonic() < until, "the API is not ready"
            time.sleep(0.1)

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._said.put(line.rstrip())
        self._said.put(None)


def still_there(
    processes: Iterable[psutil.Process], within_s: float = STOPS_WITHIN_S
) -> list[psutil.Process]:
    """Those that have not ended in time. One that is dead but unburied has ended."""
    until = time.monotonic() + within_s
    while (left := [one for one in processes if _lives(one)]) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextlib.contextmanager
def system(data: Path, port: int) -> Iterator[System]:
    """A system that is gone at the end of the block, whatever happens in it."""
    one = System(data, port)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(STOPS_WITHIN_S)
        stop_servers(data)


def quartermaster(
    data: Path, port: int, *words: str, within_s: float = READY_WITHIN_S, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Another command on the same folder and port, with these settings."""
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *words],
        cwd=ROOT,
        env=environment(data, port) | settings,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def environment(data: Path, port: int) -> dict[str, str]:
    """Ours, without any setting but these two."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QM_")}
    return {**kept, "QM_DATA": str(data), "QM_PORT": str(port), "COLUMNS": "200"}
