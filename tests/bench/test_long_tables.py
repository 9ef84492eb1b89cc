"""The benchmarks of rebuilding and of lists: real events, whole lists, and the peers' same work."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from bench import lists, rebuild
from bench.report import Figure
from bench.stack import Stack
from infrastructure.embedded.postgres import EmbeddedPostgres
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.read_engine import reader_parameters
from projectors.rebuild import rebuild as make_anew
from projectors.verify import verify
from tests.fixtures.postgres import Database

LENDINGS = 60
EVENTS = 3_000


@pytest.fixture
def stack(own_postgres: EmbeddedPostgres, tmp_path: Path) -> Stack:
    own_postgres.start()
    own_postgres.ensure_owner()
    return Stack(tmp_path, own_postgres, amqp_url="")


async def test_a_copied_log_is_sound_and_every_table_is_made_of_it(database: Database) -> None:
    rebuild.fill(database.superuser_url, EVENTS, LENDINGS)

    done = await make_anew(database.url("rebuild"))

    assert (done.events, done.position, done.parked) == (EVENTS, EVENTS, 0)
    found = await verify(database.url("rebuild"))
    assert (found.is_sound, found.is_complete) == (True, True)
    with psycopg.connect(database.superuser_url, connect_timeout=5) as connection:
        for table in rebuild.TABLES:
            count = f"SELECT count(*) FROM {table.fullname}"  # noqa: S608 - a table of ours
            assert connection.execute(count.encode()).fetchone() != (0,), table.fullname
        tenants = connection.execute("SELECT count(DISTINCT tenant_id) FROM read.history")
        assert tenants.fetchone() == (3,)


def test_rebuilding_is_measured_beside_its_peers(stack: Stack) -> None:
    figures = rebuild.measure(stack, events=EVENTS, library_events=100, lendings=LENDINGS, rounds=1)

    assert_measured(figures, {"ProjectionRunner", "COPY of the same rows, and indexes"})


def test_lists_are_measured_beside_short_ones_and_pgbench(stack: Stack) -> None:
    figures = lists.measure(
        stack, many_rows=3 * LENDINGS, few_rows=LENDINGS, lendings=LENDINGS, rounds=1, round_s=0.2
    )

    assert_measured(figures, {"pgbench, the same select", "ms at 60", "ms at 33"})


def test_pgbench_is_given_the_select_of_the_very_page(stack: Stack) -> None:
    with ExitStack() as exits:
        tenant = lists._tenant(stack, exits, 3 * LENDINGS, LENDINGS)
        for of in (lists.REQUISITIONS, lists.ASSIGNMENTS):
            cursor, place = lists._places(of, tenant)[20]
            answer = httpx.get(
                f"http://127.0.0.1:{tenant.port}{of.path}",
                params={"cursor": cursor},
                headers={"Authorization": f"Bearer {tenant.token}"},
                trust_env=False,
            )
            shown = [item["id"] for item in answer.raise_for_status().json()["items"]]

            assert ids_of(tenant, lists._select(of, tenant, place))[: len(shown)] == shown != []


def assert_measured(figures: Sequence[Figure], peers: set[str]) -> None:
    assert all(figure.ours > 0 for figure in figures)
    measured = {figure.peer_name for figure in figures if figure.peer}
    assert peers <= measured


def ids_of(tenant: lists._Tenant, select: str) -> list[str]:
    """What the reader's role is given, by the settings that pgbench has, too."""
    with psycopg.connect(tenant.url, **reader_parameters()) as connection:
        own = str(to_uuid(tenant.cast.tenant_id))
        connection.execute("SELECT set_config('app.tenant', %s, false)", (own,))
        return [from_uuid(row[0]) for row in connection.execute(select.encode()).fetchall()]
