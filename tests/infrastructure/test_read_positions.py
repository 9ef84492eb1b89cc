"""Whoever waits for projections is woken by what is announced, several at once or one alone."""

import psycopg

from infrastructure.read_positions import ReadPositions
from read_tables.positions import READ_CHANNEL
from tests.fixtures.postgres import Database

NEVER_S = 600.0
"""The table is not read again meanwhile: only an announcement can wake."""


async def test_an_announcement_may_name_several_projections(database: Database) -> None:
    positions = ReadPositions(database.url("query"), READ_CHANNEL, silence_s=NEVER_S)
    await positions.start()
    try:
        await positions.wait_until_listening(30)
        announce(database, "history:7")
        announce(database, "requisitions:5 projects:6")

        assert await positions.wait_for(["requisitions"], 5, 30)
        assert await positions.wait_for(["projects"], 6, 30)
        assert await positions.wait_for(["history"], 7, 30)
        assert not await positions.wait_for(["requisitions"], 6, 0)
    finally:
        await positions.close()


def announce(database: Database, payload: str) -> None:
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        connection.execute("SELECT pg_notify(%s, %s)", (READ_CHANNEL, payload))
