"""The story breaks the demo's Snipe-IT, and never leaves it broken."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest

from demo.snipe_it_simulator.seed import read_dump
from demo.snipe_it_simulator.serving import serve
from demo.snipe_it_simulator.simulator import Simulator
from demo.story.desk import StoryStopped
from demo.story.outage import DemoSnipeIt
from infrastructure.embedded.machine import free_port
from tests.snipe_it_recordings import SEED


async def status_of(url: str) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(f"{url}/health")).status_code


async def broken_off(url: str, error: BaseException) -> None:
    """A story that ends so while Snipe-IT is down."""
    async with DemoSnipeIt(url) as snipe_it:
        await snipe_it.take_down()
        assert await status_of(url) == httpx.codes.SERVICE_UNAVAILABLE
        raise error


@pytest.mark.parametrize("how", [StoryStopped, asyncio.CancelledError])
async def test_it_works_again_however_the_story_ends(how: type[BaseException]) -> None:
    async with serve(Simulator(read_dump(SEED))) as url:
        with pytest.raises(how):
            await broken_off(url, how())
        assert await status_of(url) == httpx.codes.OK


async def test_what_an_earlier_story_left_broken_is_mended_first() -> None:
    async with serve(Simulator(read_dump(SEED))) as url:
        await DemoSnipeIt(url).take_down()
        async with DemoSnipeIt(url):
            assert await status_of(url) == httpx.codes.OK


async def ended_without_snipe_it(error: Exception) -> None:
    """A story whose Snipe-IT is gone before it stops."""
    async with AsyncExitStack() as story, AsyncExitStack() as server:
        url = await server.enter_async_context(serve(Simulator(read_dump(SEED))))
        await story.enter_async_context(DemoSnipeIt(url))
        await server.aclose()
        raise error


async def test_what_stopped_the_story_is_said_even_if_snipe_it_is_gone() -> None:
    with pytest.raises(StoryStopped, match="the first trouble"):
        await ended_without_snipe_it(StoryStopped("the first trouble"))


async def test_a_snipe_it_that_is_not_there_is_named() -> None:
    with pytest.raises(StoryStopped, match=r"http://127\.0\.0\.1:9 cannot be told"):
        async with DemoSnipeIt("http://127.0.0.1:9", start_s=0):
            pass


async def test_one_that_is_just_being_started_is_waited_for() -> None:
    port = free_port()
    server = AsyncExitStack()

    async def start_later() -> None:
        await asyncio.sleep(0.5)
        await server.enter_async_context(serve(Simulator(read_dump(SEED)), port))

    async with server, asyncio.TaskGroup() as tasks:
        tasks.create_task(start_later())
        async with DemoSnipeIt(f"http://127.0.0.1:{port}") as snipe_it:
            assert await snipe_it.mend()
