"""What must hold after every fault, once everything is healed."""

import asyncio
from typing import Any

import psycopg

from projectors.subscriptions import PROJECTIONS
from projectors.verify import verify
from tests.fixtures.postgres import Database
from tests.fixtures.processes import eventually

POSITIONS = "SELECT position FROM read.projection_positions"
DELIVERED = "SELECT position FROM delivery.positions"


def ask(database: Database, query: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        return connection.execute(query.encode(), values).fetchall()


def head(database: Database) -> int:
    ((position,),) = ask(database, "SELECT position FROM log.log_head")
    return int(position)


def wait_until_projected(database: Database) -> None:
    """Every projection is at the end of the log."""
    at_the_end = [(head(database),)] * len(PROJECTIONS)
    eventually(lambda: ask(database, POSITIONS) == at_the_end, "all projections at the log's end")


def wait_until_delivered(database: Database) -> None:
    """The relay has had everything confirmed."""
    at_the_end = [(head(database),)]
    eventually(lambda: ask(database, DELIVERED) == at_the_end, "the relay at the log's end")


def assert_tables_equal_a_fresh_replay(database: Database) -> None:
    found = asyncio.run(verify(database.url("rebuild")))
    assert (found.differences, found.is_complete) == ([], True)
