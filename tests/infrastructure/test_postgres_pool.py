"""A task that is told to end ends, whatever it is waiting for at that moment."""

import asyncio

import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres import pool_of
from tests.fixtures.postgres import Database


async def test_a_cancellation_in_the_moment_of_success_is_not_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = AsyncConnectionPool.getconn
    waits = asyncio.Event()

    async def forgetful(pool: object, timeout: float | None = None) -> object:  # noqa: ASYNC109 - the library's signature
        """As ``asyncio.wait_for`` of Python 3.11 would have it, whenever it is cancelled."""
        waits.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return await plain(pool, timeout)  # type: ignore[arg-type]  # it is one
        raise AssertionError("nobody has cancelled it")

    monkeypatch.setattr(AsyncConnectionPool, "getconn", forgetful)
    async with pool_of(database.url("command")) as pool:

        async def work() -> None:
            async with pool.connection():
                raise AssertionError("it works on")

        task = asyncio.create_task(work())
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        monkeypatch.undo()
        async with pool.connection() as connection:
            await connection.execute("SELECT 1")


async def test_what_is_cancelled_already_may_still_clear_up(database: Database) -> None:
    cleared = False
    begun = asyncio.Event()
    async with pool_of(database.url("command")) as pool:

        async def work() -> None:
            nonlocal cleared
            try:
                begun.set()
                await asyncio.sleep(60)
            finally:
                async with pool.connection() as connection:
                    await connection.execute("SELECT 1")
                cleared = True

        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert cleared
