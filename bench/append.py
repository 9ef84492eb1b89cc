"""Appending: our writer against one-row commits of pgbench and the library's own recorder.

All on the same Postgres with the same durability, each peer at its best number of clients. Rounds
alternate, so that a noisy machine is noisy for all. A reader tails our log meanwhile and counts what it missed.
"""

import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import orjson
import psycopg

from bench.pgbench import transactions
from bench.processes import ROOT
from bench.report import Figure, above, at_least
from bench.stack import Stack

PGBENCH_GOAL: Final = 1.2
LIBRARY_GOAL: Final = 15.0
HOT_GOAL: Final = 400.0
CLIENTS: Final = (8, 16, 32, 64)
THREADS: Final = (1, 4, 16, 64)
WRITERS: Final = 64
PROCESSES: Final = 4
ROUNDS: Final = 3
ROUND_S: Final = 4.0
SWEEP_S: Final = 2.0

ONE_ROW: Final = "INSERT INTO one_row (state) VALUES (decode(repeat('ab', 200), 'hex'));\n"


def measure(stack: Stack) -> Sequence[Figure]:
    """The figures of appending, ours beside its peers'."""
    log = stack.new_log()
    url, reading = log["QM_COMMAND_DATABASE_URL"], log["QM_RELAY_DATABASE_URL"]
    one_row_url = _with_one_row_table(stack.new_database("pgbench"))
    library = stack.new_database("library")
    clients = max(CLIENTS, key=lambda clients: _commits(one_row_url, clients, SWEEP_S))
    threads = max(THREADS, key=lambda threads: rate("library", library, threads))
    with tailing(reading) as tail:
        rounds = [
            (
                rate("ours", url, WRITERS),
                _commits(one_row_url, clients, ROUND_S),
                rate("library", library, threads),
            )
            for _ in range(ROUNDS)
        ]
        several = _beside(
            f"append, {WRITERS} writers, {PROCESSES} processes",
            _together("ours", url, WRITERS // PROCESSES),
            f"pgbench, {clients} clients",
            _commits(one_row_url, clients, ROUND_S),
        )
        fewer = [
            _beside(
                f"append, writers: {writers}",
                rate("ours", url, writers),
                f"library, threads: {writers}",
                rate("library", library, writers),
            )
            for writers in (16, 1)
        ]
        hot = rate("hot", url, 16)
    ours, one_row, recorder = (statistics.median(column) for column in zip(*rounds, strict=True))
    what = f"append, {WRITERS} writers, 1 process"
    note = "rounds: " + ", ".join("/".join(f"{r:,.0f}" for r in round_) for round_ in rounds)
    return [
        at_least(what, ours, "/s", f"pgbench, {clients} clients", one_row, PGBENCH_GOAL, note),
        at_least(what, ours, "/s", f"library, {threads} threads", recorder, LIBRARY_GOAL),
        several,
        *fewer,
        above("whole commands on one aggregate, 16 writers", hot, "/s", HOT_GOAL),
        Figure(
            "missed by a tailing reader",
            tail.missed,
            f"of {tail.stored:,}",
            goal="0",
            met=tail.missed == 0,
        ),
    ]


def _beside(what: str, ours: float, peer_name: str, peer: float) -> Figure:
    return Figure(what, ours, "/s", peer_name, peer, ours / peer)


def _with_one_row_table(url: str) -> str:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("CREATE TABLE one_row (id bigserial PRIMARY KEY, state bytea)")
    return url


def _commits(url: str, clients: int, seconds: float) -> float:
    """Commits a second of one row of 200 bytes each, with prepared statements."""
    return transactions(url, [ONE_ROW], clients, seconds)


def rate(who: str, url: str, writers: int) -> float:
    """Appends a second of one process."""
    (process,) = [_start(who, url, writers)]
    return _result(process)


def _together(who: str, url: str, writers: int) -> float:
    """Appends a second of several processes, with ``writers`` each."""
    processes = [_start(who, url, writers) for _ in range(PROCESSES)]
    return sum(_result(process) for process in processes)


def _start(who: str, url: str, writers: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.append_load", who, url, str(writers), str(ROUND_S)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )


def _result(process: subprocess.Popen[bytes]) -> float:
    output, _ = process.communicate(timeout=ROUND_S + 60)
    result = orjson.loads(output)
    return float(result["count"] / result["seconds"])


class Tail:
    """A reader that goes on from the last position it has seen."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._seen = 0
        self._last = 0
        self.stored = 0

    @property
    def missed(self) -> int:
        """How many events are in the log that it has passed without seeing them."""
        return self.stored - self._seen

    def follow(self) -> None:
        """Read until stopped, and then to the end."""
        with psycopg.connect(self._url, autocommit=True, connect_timeout=5) as connection:
            while True:
                last_round = self._stop.wait(0.01)
                while self._read(connection):
                    pass
                if last_round:
                    row = connection.execute("SELECT count(*) FROM log.stored_events").fetchone()
                    self.stored = row[0] if row else 0
                    return

    def stop(self) -> None:
        """Nothing is written any more."""
        self._stop.set()

    def _read(self, connection: psycopg.Connection) -> bool:
        found = connection.execute(
            "SELECT count(*), max(notification_id) FROM (SELECT notification_id"
            " FROM log.stored_events WHERE notification_id > %s"
            " ORDER BY notification_id LIMIT 5000) AS next",
            (self._last,),
        ).fetchone()
        if found is None or found[0] == 0:
            return False
        self._seen += found[0]
        self._last = found[1]
        return True


@contextmanager
def tailing(url: str) -> Iterator[Tail]:
    """A reader that follows the log while the block runs; afterwards it knows what it missed."""
    tail = Tail(url)
    thread = threading.Thread(target=tail.follow)
    with ExitStack() as exits:
        thread.start()
        exits.callback(thread.join)
        exits.callback(tail.stop)
        yield tail
