"""Appending to a log that is long already: it must cost what it costs on a short one.

The log is filled with streams of ten events, made up in the database; the writer then appends as in
the benchmark of appending.
"""

import statistics
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import psycopg

from bench.append import WRITERS, rate
from bench.report import Figure, at_most
from bench.stack import Stack

SHORT: Final = 10_000
LONG: Final = 10_000_000
CHUNK: Final = 1_000_000
ROUNDS: Final = 3
GOAL: Final = 1.2

# Ids rise with time, as ULIDs do; all are lower than those that the writer will make.
_FILL: Final = """
INSERT INTO log.stored_events (
    notification_id, originator_version, recorded_at, originator_id, tenant_id, command_id,
    actor_id, topic, correlation_id, state)
SELECT n, (n - 1) %% 10 + 1, now(), lpad(to_hex((n - 1) / 10), 32, '0')::uuid, tenant,
    gen_random_uuid(), tenant, 'requisition.drafted.v1', 'bench', decode(repeat('ab', 200), 'hex')
FROM generate_series(%s::bigint, %s::bigint) AS n, gen_random_uuid() AS tenant
"""


def measure(stack: Stack) -> Sequence[Figure]:
    """Time for an append at 10 million events, beside that at 10,000; the rounds alternate."""
    short, long = (_filled(stack, length) for length in (SHORT, LONG))
    rounds = [(_time_us(long), _time_us(short)) for _ in range(ROUNDS)]
    ours, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    note = ", ".join(f"{at_long:.0f}/{at_short:.0f}" for at_long, at_short in rounds)
    what = f"append at {LONG:,} events, {WRITERS} writers"
    return [at_most(what, ours, "µs", f"µs at {SHORT:,}", peer, GOAL, f"rounds: {note}")]


def _time_us(url: str) -> float:
    return 1e6 / rate("ours", url, WRITERS)


def _filled(stack: Stack, length: int) -> str:
    """The URL for commands on a log of so many events."""
    url = stack.new_log()["QM_COMMAND_DATABASE_URL"]
    _fill(stack.postgres.superuser_url(urlsplit(url).path.lstrip("/")), length)
    return url


def _fill(url: str, length: int) -> None:
    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        for begin in range(1, length + 1, CHUNK):
            end = min(begin + CHUNK - 1, length)
            with connection.transaction():
                connection.execute(_FILL, (begin, end))
                connection.execute("UPDATE log.log_head SET position = %s", (end,))
        connection.execute("VACUUM (ANALYZE) log.stored_events")
        connection.execute("CHECKPOINT")
