"""Where the database cannot be had in time, a reader is told to come back: never a hang."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import literal_column, select

from infrastructure.errors import StoreUnavailable
from infrastructure.read_engine import ReadEngine
from infrastructure.settings import QuerySettings
from query_api.main import create_app
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.world import World


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(params=["closed", "deaf"])
def elsewhere(
    request: pytest.FixtureRequest, deaf_port: int, monkeypatch: pytest.MonkeyPatch
) -> QuerySettings:
    port = 1 if request.param == "closed" else deaf_port
    monkeypatch.setenv("QM_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("QM_QUERY_DATABASE_URL", f"postgresql://qm_query:x@127.0.0.1:{port}/qm")
    return QuerySettings.from_environment()


async def test_without_a_database_every_answer_is_to_come_back_later(
    elsewhere: QuerySettings,
) -> None:
    app = create_app(elsewhere)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://query") as client,
    ):
        headers = {"Authorization": "Bearer " + "x" * 43}
        answer = await client.get("/api/v1/me", headers=headers)
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")

    assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"]
    assert ready.status_code == 503
    assert set(ready.json()["parts"]) == {"database", "positions"}
    assert "ok" not in ready.json()["parts"].values()
    assert live.status_code == 200


async def test_readiness_names_its_parts(client: httpx.AsyncClient) -> None:
    answer = await client.get("http://query/health/ready")

    assert answer.json() == {"status": "ok", "parts": {"database": "ok", "positions": "ok"}}


async def test_a_pool_that_is_used_up_is_waited_for_only_so_long(
    database: Database,
) -> None:
    small = ReadEngine(database.url("query"), pool_size=1, acquire_timeout_s=0.2)
    async with small.snapshot():
        with pytest.raises(StoreUnavailable):
            async with small.snapshot():
                pass
    async with small.snapshot() as again:
        assert await again.head() == 0
    await small.close()


async def test_a_select_that_takes_too_long_is_stopped_and_the_connection_serves_again(
    database: Database,
) -> None:
    engine = ReadEngine(database.url("query"), pool_size=1, statement_timeout_s=0.2)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            async with engine.snapshot() as snapshot:
                await snapshot.rows(select(literal_column("pg_sleep(60)")))
    async with engine.snapshot() as snapshot:
        assert await snapshot.head() == 0
    await engine.close()


async def test_a_connection_that_the_server_cut_is_replaced(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    assert (await client.get("/me", headers=lab.member.headers)).status_code == 200
    world.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'quartermaster query'"
    )

    answers = [await client.get("/me", headers=lab.member.headers) for _ in range(3)]

    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].status_code == 200


async def test_a_snapshot_can_change_nothing(database: Database) -> None:
    engine = ReadEngine(database.url("query"))
    async with engine.snapshot() as snapshot:
        row = await snapshot.row(
            select(
                literal_column("current_setting('transaction_read_only')"),
                literal_column("current_setting('transaction_isolation')"),
            )
        )
    await engine.close()

    assert row is not None
    assert tuple(row) == ("on", "repeatable read")
