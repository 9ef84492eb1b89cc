"""Making all read tables anew from a long log: ``quartermaster rebuild``, in a process of its own.

The log is lendings as our aggregates write them, copied until it is long enough. Beside it the
library's ProjectionRunner fills one simple table from the log's beginning, and Postgres copies the
rows that we made from files of its own into empty tables, and makes their indexes as we do.
"""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson
import psutil
import psycopg
from psycopg import sql
from sqlalchemy import Table

from bench.copies import Stored, fill_log
from bench.lendings import EVERY, Lendings, Told
from bench.processes import ROOT
from bench.report import Figure, above, at_least, say
from bench.stack import QUARTERMASTER, Stack
from domain.ids import uuid_of
from infrastructure.event_store.topics import encode
from infrastructure.projection_bulk import BulkTables, bulk_tables
from projectors.subscriptions import PROJECTIONS
from read_tables.tables import LIVE_SCHEMA

GOAL: Final = 20_000.0
LIBRARY_GOAL: Final = 20.0
EVENTS: Final = 1_000_000
LENDINGS: Final = 1000
LIBRARY_EVENTS: Final = 10_000
ROUNDS: Final = 2
LOOK_EVERY_S: Final = 0.02
SAY_EVERY_S: Final = 10.0
EVENTS_S: Final = "events/s"
COPIED: Final = "copied"
"""The schema of the tables that are filled by nothing but COPY."""

TABLES: Final = [owned.table for one in PROJECTIONS for owned in one.tables]
_KIB_OF_A_MIB: Final = 1024
_MADE: Final = """
SELECT coalesce(sum(n_tup_ins), 0) FROM pg_stat_user_tables
WHERE schemaname = 'read_next' AND relname = 'history'
"""


class RebuiltWrongly(Exception):
    """The tables are not what the log makes of them."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A rebuild: its time, its own processor time and the server's, and its memory."""

    seconds: float
    own_s: float
    server_s: float
    most_mib: float


@dataclass(frozen=True, slots=True)
class _Round:
    """A rebuild, and the events a second of the peers; of the library also by its own time."""

    run: _Run
    library: float
    library_own: float
    hasty: float
    copied: float


def measure(
    stack: Stack,
    events: int = EVENTS,
    library_events: int = LIBRARY_EVENTS,
    lendings: int = LENDINGS,
    rounds: int = ROUNDS,
) -> Sequence[Figure]:
    """Events a second of the rebuild, of the library and of COPY; the rounds alternate."""
    log = stack.new_log()
    database = urlsplit(log["QM_REBUILD_DATABASE_URL"]).path.lstrip("/")
    url = stack.postgres.superuser_url(database)
    fill(url, events, lendings)
    measured = []
    for _ in range(rounds):
        run = _rebuild(log, url, events)
        library, hasty = (
            _library(stack, url, library_events, durable=durable) for durable in (True, False)
        )
        measured.append(
            _Round(
                run,
                library=library_events / library["seconds"],
                library_own=library_events / library["own_s"],
                hasty=library_events / hasty["seconds"],
                copied=events / asyncio.run(_copy(url)),
            )
        )
    return list(_figures(events, _rows(url), measured))


def fill(url: str, events: int, lendings: int) -> None:
    """Fill an empty log with so many events, copies of those of ``lendings`` requisitions."""
    told = [_stored(one) for one in Lendings().tell(lendings)]
    fill_log(url, told, events, apart=lendings * EVERY)


def _figures(events: int, rows: int, rounds: Sequence[_Round]) -> Iterator[Figure]:
    runs = [one.run for one in rounds]
    by_wall = events / statistics.median(run.seconds for run in runs)
    by_own = events / statistics.median(run.own_s for run in runs)
    by_all = events / statistics.median(run.own_s + run.server_s for run in runs)
    spent = ", ".join(f"{run.own_s:.1f} + {run.server_s:.1f} s" for run in runs)
    took = ", ".join(f"{run.seconds:.1f} s" for run in runs)
    note = f"the process's and the server's: {spent}"
    yield above("rebuild, a second of processor time", by_all, EVENTS_S, GOAL, note)
    library_own = statistics.median(one.library_own for one in rounds)
    ratio = by_own / library_own
    what = "rebuild, a second of the process's own"
    yield Figure(what, by_own, EVENTS_S, "ProjectionRunner", library_own, ratio)
    yield Figure(f"rebuild of {rows:,} rows from {events:,} events", by_wall, EVENTS_S, note=took)
    peer = "ProjectionRunner"
    library = statistics.median(one.library for one in rounds)
    note = "one row an event, in the transaction of its tracking record"
    yield at_least("rebuild", by_wall, EVENTS_S, peer, library, LIBRARY_GOAL, note)
    for name, rate in (
        (f"{peer}, synchronous_commit off", statistics.median(one.hasty for one in rounds)),
        ("COPY of the same rows, and indexes", statistics.median(one.copied for one in rounds)),
    ):
        yield Figure("rebuild", by_wall, EVENTS_S, name, rate, by_wall / rate)
    most = max(run.most_mib for run in runs)
    yield Figure("rebuild, memory of the process at most", most, "MiB")


def _stored(told: Told) -> Stored:
    event = told.event
    actor = None if told.actor_id is None else uuid_of(told.actor_id)
    topic, state = encode(event)
    return Stored(
        version=event.originator_version,
        at=event.timestamp,
        originator=event.originator_id,
        tenant=uuid_of(told.tenant_id),
        actor=actor,
        topic=topic,
        state=state,
    )


def _rebuild(log: Mapping[str, str], url: str, events: int) -> _Run:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute("CHECKPOINT")
        server = _server(connection)
        before, begun = _processor_s(server), time.monotonic()
        with subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, *QUARTERMASTER, "rebuild"],
            cwd=ROOT,
            env={**os.environ, **log},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            usage = _usage_at_end(process, connection, events)
            seconds = time.monotonic() - begun
            output = process.communicate(timeout=10)[0]
        server_s = _processor_s(server) - before
    if f"{events} events replayed; the tables are at {events}; 0 events are parked" not in output:
        raise RebuiltWrongly(output)
    say(f"rebuilt in {seconds:.1f} s")
    own_s = usage.ru_utime + usage.ru_stime
    return _Run(seconds, own_s, server_s, usage.ru_maxrss / _KIB_OF_A_MIB)


def _usage_at_end(
    process: subprocess.Popen[str], connection: psycopg.Connection, events: int
) -> resource.struct_rusage:
    """What the process has used, once it has ended; until then, say how far it is."""
    said = time.monotonic()
    while (ended := os.wait4(process.pid, os.WNOHANG))[0] == 0:
        time.sleep(LOOK_EVERY_S)
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            ((made,),) = connection.execute(_MADE).fetchall()
            say(f"rebuild: {made:,} of {events:,} events")
    _, status, usage = ended
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _server(connection: psycopg.Connection) -> psutil.Process:
    ((pid,),) = connection.execute("SELECT pg_backend_pid()").fetchall()
    return psutil.Process(pid).parent()


def _processor_s(server: psutil.Process) -> float:
    """The processor time of a server's processes, those that have ended included."""
    alive = [each.cpu_times() for each in server.children()]
    own = server.cpu_times()
    of_alive = sum(each.user + each.system for each in alive)
    return float(of_alive + own.user + own.system + own.children_user + own.children_system)


def _library(stack: Stack, log_url: str, events: int, *, durable: bool) -> Mapping[str, float]:
    """Seconds that the library needs: by the clock, and of its own processor time."""
    url = stack.new_database("library")
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        name = sql.Identifier(urlsplit(url).path.lstrip("/"))
        setting = sql.SQL("on" if durable else "off")
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = {}").format(name, setting)
        )
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "bench.library_projection", url, log_url, str(events)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        timeout=900,
        check=True,
    )
    took: Mapping[str, float] = orjson.loads(done.stdout)
    say(f"the library: {events:,} events in {took['seconds']:.1f} s")
    return took


async def _copy(url: str) -> float:
    """Seconds that COPY needs for the rows of all tables, and Postgres for their indexes."""
    schema = sql.Identifier(COPIED)
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        async with bulk_tables(url, COPIED) as copies:
            seconds = sum([await _copy_one(connection, table, copies) for table in TABLES])
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
    say(f"copied in {seconds:.1f} s")
    return seconds


async def _copy_one(connection: psycopg.Connection, table: Table, copies: BulkTables) -> float:
    ((data,),) = connection.execute("SHOW data_directory").fetchall()
    file = Path(data) / "rows"
    place = sql.Literal(str(file))
    source, target = (
        sql.Identifier(schema, str(table.name)) for schema in (LIVE_SCHEMA, copies.schema)
    )
    await copies.make([table])
    connection.execute(sql.SQL("COPY {} TO {}").format(source, place))
    begun = time.monotonic()
    connection.execute(sql.SQL("COPY {} FROM {}").format(target, place))
    await copies.finish([table])
    seconds = time.monotonic() - begun
    file.unlink()
    return seconds


def _rows(url: str) -> int:
    with psycopg.connect(url, connect_timeout=5) as connection:
        names = [sql.Identifier(LIVE_SCHEMA, str(table.name)) for table in TABLES]
        counts = [
            connection.execute(sql.SQL("SELECT count(*) FROM {}").format(name)).fetchall()
            for name in names
        ]
    return sum(count for ((count,),) in counts)
