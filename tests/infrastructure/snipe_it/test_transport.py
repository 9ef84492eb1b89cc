"""What goes over the wire, and what becomes of a call that the wire fails."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest

from demo.snipe_it_simulator.faults import Fault, Kind
from infrastructure.snipe_it.answers import (
    Ambiguous,
    Answer,
    Done,
    Forbidden,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
)
from infrastructure.snipe_it.budget import Budget
from infrastructure.snipe_it.records import HolderType
from infrastructure.snipe_it.settings import Deadlines
from infrastructure.snipe_it.transport import Call, Transport
from infrastructure.snipe_it.writing import Target
from tests.infrastructure.snipe_it.worlds import (
    CONNECTION,
    OPERATION,
    Naps,
    client,
    in_memory,
    over_tcp,
    simulator,
)

READ = Call("GET", "/hardware/1")
WRITE = Call("POST", "/hardware/1/checkin", body={"note": "x"}, operation_id=OPERATION)
BEN = Target(HolderType.USER, 3)
SHORT = Deadlines(connect=1, read=0.3, total=2)
JSON = {"content-type": "application/json"}

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Answerer = Callable[[httpx.Request], httpx.Response]


def answering(
    text: str, status: int = 200, headers: dict[str, str] | None = None
) -> tuple[Answerer, list[httpx.Request]]:
    """A server that answers everything the same, and what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(status, text=text, headers={**JSON, **(headers or {})})

    return answer, asked


async def test_a_read_asks_for_json_and_nothing_else() -> None:
    answer, asked = answering("{}")
    async with client(httpx.MockTransport(answer)) as snipe_it:
        await snipe_it.transport.send(READ)
    (request,) = asked
    assert str(request.url) == "http://127.0.0.1:8091/api/v1/hardware/1"
    assert request.headers["accept"] == "application/json"
    assert request.headers["authorization"] == "Bearer simulator-token"
    assert request.headers["user-agent"] == "Quartermaster/1"
    assert "content-type" not in request.headers


async def test_a_write_names_its_operation_and_its_content_type() -> None:
    answer, asked = answering('{"status":"success"}')
    async with client(httpx.MockTransport(answer)) as snipe_it:
        await snipe_it.transport.send(WRITE)
    (request,) = asked
    assert request.headers["accept"] == "application/json"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"Quartermaster/1 {OPERATION}"
    assert request.content == b'{"note": "x"}'


async def test_the_servers_cookies_are_dropped() -> None:
    answer, asked = answering("{}", headers={"set-cookie": "snipeit_session=abc; path=/"})
    async with client(httpx.MockTransport(answer)) as snipe_it:
        await snipe_it.transport.send(READ)
        await snipe_it.transport.send(READ)
    assert [request.headers.get("cookie") for request in asked] == [None, None]


async def test_a_redirect_is_not_followed() -> None:
    answer, asked = answering("", 302, {"location": "http://127.0.0.1:8091/elsewhere"})
    async with client(httpx.MockTransport(answer)) as snipe_it:
        assert isinstance(await snipe_it.transport.send(READ), Unavailable)
        assert isinstance(await snipe_it.transport.send(WRITE), Ambiguous)
    assert len(asked) == 2


async def test_the_token_is_not_sent_to_the_health_page() -> None:
    answer, asked = answering('{"status":"ok"}')
    async with client(httpx.MockTransport(answer)) as snipe_it:
        assert isinstance(await snipe_it.transport.health(), Done)
    assert "authorization" not in asked[0].headers


async def test_a_proxy_named_in_the_environment_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with over_tcp(simulator()) as snipe_it:
        assert isinstance(await snipe_it.transport.send(READ), Done)


async def test_a_server_that_refuses_the_connection_did_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with Transport(replace(CONNECTION, base_url=url)) as transport:
            assert await transport.send(WRITE) == Unavailable("could not connect")


@asynccontextmanager
async def listening(behave: Behaviour) -> AsyncIterator[str]:
    """A server that does as told on each connection; it has ended with the block."""
    running: list[asyncio.Task[None]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await behave(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.append(asyncio.create_task(connected(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with asyncio.timeout(5):
            await asyncio.gather(*running)


async def test_a_server_that_takes_the_call_and_says_nothing_may_have_done_it() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url:
        connection = replace(CONNECTION, base_url=url, deadlines=SHORT)
        async with Transport(connection) as transport:
            assert isinstance(await transport.send(WRITE), Ambiguous)
            assert isinstance(await transport.send(READ), Unavailable)


async def test_the_total_deadline_holds_where_bytes_keep_dripping_in() -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.02)

    async with listening(dripping) as url:
        deadlines = Deadlines(connect=1, read=1, total=0.3)
        connection = replace(CONNECTION, base_url=url, deadlines=deadlines)
        async with Transport(connection) as transport:
            assert isinstance(await transport.send(WRITE), Ambiguous)


APPLIED, NOT_APPLIED = 3, None

FAULTS: tuple[tuple[Fault, type[Answer], int | None], ...] = (
    (Fault(Kind.MAINTENANCE), Unavailable, NOT_APPLIED),
    (Fault(Kind.DATABASE_DOWN), Unavailable, NOT_APPLIED),
    (Fault(Kind.BAD_GATEWAY), Ambiguous, NOT_APPLIED),
    (Fault(Kind.BAD_GATEWAY_AFTER), Ambiguous, APPLIED),
    (Fault(Kind.GATEWAY_TIMEOUT), Ambiguous, APPLIED),
    (Fault(Kind.ERROR_BEFORE), Ambiguous, NOT_APPLIED),
    (Fault(Kind.ERROR_AFTER), Ambiguous, APPLIED),
    (Fault(Kind.REFUSE), Refused, NOT_APPLIED),
    (Fault(Kind.HTML), Ambiguous, NOT_APPLIED),
    (Fault(Kind.THROTTLE), Throttled, NOT_APPLIED),
    (Fault(Kind.UNAUTHORIZED), Unauthorized, NOT_APPLIED),
    (Fault(Kind.FORBIDDEN), Forbidden, NOT_APPLIED),
    (Fault(Kind.SLOW, seconds=0.05), Done, APPLIED),
    (Fault(Kind.LATE, seconds=0.05), Done, APPLIED),
    (Fault(Kind.SLOW_ANSWER, seconds=0.6), Ambiguous, APPLIED),
    (Fault(Kind.CUT), Ambiguous, APPLIED),
    (Fault(Kind.DROP_BEFORE), Ambiguous, NOT_APPLIED),
    (Fault(Kind.DROP_AFTER), Ambiguous, APPLIED),
)


def test_the_table_of_faults_is_complete() -> None:
    assert {fault.kind for fault, _, _ in FAULTS} == set(Kind)


@pytest.mark.parametrize(
    ("fault", "expected", "holder"), FAULTS, ids=[fault.kind for fault, _, _ in FAULTS]
)
async def test_each_fault_of_a_checkout_has_its_class_and_its_effect(
    fault: Fault, expected: type[Answer], holder: int | None
) -> None:
    server = simulator()
    # Each test gets its own count: the faults are shared data.
    server.faults.ordered.append(replace(fault))
    async with over_tcp(server, SHORT) as snipe_it:
        answer = await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        assert isinstance(answer, expected)
        await asyncio.sleep(0.05)
    assert server.inventory.assets[1].assigned_to == holder


async def test_a_checkout_takes_effect_after_its_client_has_gone() -> None:
    server = simulator()
    server.faults.ordered.append(Fault(Kind.LATE, method="POST", seconds=0.8))
    async with over_tcp(server, SHORT) as snipe_it:
        answer = await snipe_it.write.check_out_asset(1, BEN, OPERATION)
        assert isinstance(answer, Ambiguous)
        asset = await snipe_it.read.asset(1)
        assert asset is not None
        assert asset.assigned_to is None, "not assigned right after a time-out proves nothing"
        async with asyncio.timeout(5):
            while server.inventory.assets[1].assigned_to is None:  # noqa: ASYNC110 - another's state
                await asyncio.sleep(0.02)
        asset = await snipe_it.read.asset(1)
        assert asset is not None
        assert asset.assigned_to is not None
        assert asset.assigned_to.id == 3
        rows = [row async for row in snipe_it.read.activity_of("asset", 1, OPERATION)]
        assert [row.action for row in rows] == ["checkout"]


async def test_two_checkouts_at_once_can_both_succeed_and_one_holder_remains() -> None:
    server = simulator(before_write_s=0.05)
    async with over_tcp(server) as snipe_it:
        answers = await asyncio.gather(
            snipe_it.write.check_out_asset(1, BEN, "op-a"),
            snipe_it.write.check_out_asset(1, Target(HolderType.USER, 4), "op-b"),
        )
        assert [type(answer) for answer in answers] == [Done, Done]
        asset = await snipe_it.read.asset(1)
        assert asset is not None
        assert asset.assigned_to is not None
        assert asset.assigned_to.id in {3, 4}
        assert asset.checkout_counter == 2
        rows = [row async for row in snipe_it.read.activity_of("asset", 1, "op-")]
        assert len(rows) == 2


async def test_a_spent_budget_is_told_by_the_server_once_and_then_by_ourselves() -> None:
    server = simulator(calls_per_minute=3)
    connection = replace(CONNECTION, deadlines=Deadlines(queue=1))
    async with in_memory(server, connection) as snipe_it:
        answers = [await snipe_it.transport.send(READ) for _ in range(5)]
    assert [type(answer) for answer in answers] == [Done, Done, Done, Throttled, Throttled]
    assert len(server.seen) == 3, "the server said that nothing is left, so nothing was sent"
    assert isinstance(answers[4], Throttled)
    assert answers[4].retry_after_s is not None
    assert 50 < answers[4].retry_after_s <= 61


async def test_after_the_window_the_calls_go_through_again() -> None:
    now = [1000.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    budget = Budget(50, clock=lambda: now[0], sleep=sleep)
    server = simulator(calls_per_minute=2)
    server.throttle.windows.clear()
    connection = replace(CONNECTION, deadlines=Deadlines(queue=70))
    answer, asked = answering('{"status":"error","messages":"Too many requests"}', 429)
    async with client(httpx.MockTransport(answer), connection, budget=budget) as snipe_it:
        assert await snipe_it.transport.send(READ) == Throttled(61.0)
        await snipe_it.transport.send(READ)
    assert now[0] == 1061.0
    assert len(asked) == 2


async def test_a_proxy_says_when_to_come_back() -> None:
    server = simulator()
    server.faults.ordered.append(Fault(Kind.THROTTLE, seconds=2.5))
    async with in_memory(server) as snipe_it:
        answer = await snipe_it.transport.send(READ)
    assert isinstance(answer, Throttled)
    assert answer.retry_after_s == pytest.approx(3.0, abs=0.1)
    assert server.faults.hits == {Kind.THROTTLE: 1}


async def test_a_cancelled_call_is_cancelled_and_not_classed() -> None:
    server = simulator()
    server.faults.ordered.append(Fault(Kind.SLOW, seconds=0.5))
    async with over_tcp(server) as snipe_it:
        task = asyncio.create_task(snipe_it.transport.send(READ))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_write_is_sent_once_whatever_becomes_of_it() -> None:
    server = simulator()
    server.faults.ordered.append(Fault(Kind.MAINTENANCE, times=None))
    async with in_memory(server) as snipe_it:
        await snipe_it.write.check_out_asset(1, BEN, OPERATION)
    assert len(server.seen) == 1


async def test_a_read_is_tried_three_times_with_pauses() -> None:
    naps = Naps()
    answer, asked = answering("", 502)
    async with client(httpx.MockTransport(answer), naps=naps) as snipe_it:
        assert isinstance(await snipe_it.read.ask(READ), Unavailable)
    assert len(asked) == 3
    assert len(naps.taken) == 2


async def test_a_read_that_is_refused_for_good_is_not_tried_again() -> None:
    for kind in (Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.THROTTLE):
        server = simulator()
        server.faults.ordered.append(Fault(kind, times=None))
        async with in_memory(server) as snipe_it:
            await snipe_it.read.ask(READ)
        assert len(server.seen) == 1


async def test_the_token_stands_in_no_log_line_at_any_level(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = simulator()
    server.faults.ordered.append(Fault(Kind.DROP_AFTER))
    async with over_tcp(server) as snipe_it:
        await snipe_it.transport.send(WRITE)
        await snipe_it.transport.send(READ)
    assert caplog.records
    assert "simulator-token" not in caplog.text
