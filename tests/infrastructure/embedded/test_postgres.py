"""The embedded Postgres comes up, keeps its data, and takes over what a killed run left."""

import os
import signal
import stat
from pathlib import Path

import psycopg
import pytest

from infrastructure.embedded.errors import EmbeddedUnavailable
from infrastructure.embedded.postgres import EmbeddedPostgres
from tests.fixtures.postgres import Database
from tests.infrastructure.embedded.ports import held_for_a_moment


def _one(url: str, query: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def _postmaster(server: EmbeddedPostgres) -> int:
    text = (server.folder / "data" / "postmaster.pid").read_text(encoding="ascii")
    return int(text.split("\n", 1)[0])


def test_data_outlives_a_stop_and_a_start(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    with psycopg.connect(own_postgres.superuser_url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    own_postgres.stop()
    own_postgres.start()
    assert _one(own_postgres.superuser_url(), "SELECT number FROM kept") == 7


def test_a_running_server_is_taken_over_by_another_process_object(
    own_postgres: EmbeddedPostgres,
) -> None:
    own_postgres.start()
    pid = _postmaster(own_postgres)
    again = EmbeddedPostgres(own_postgres.folder)
    again.start()
    assert _postmaster(own_postgres) == pid


def test_it_starts_again_after_its_own_kill_9(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    os.kill(_postmaster(own_postgres), signal.SIGKILL)
    own_postgres.start()
    assert _one(own_postgres.superuser_url(), "SELECT 1") == 1


def test_it_keeps_a_port_that_a_dying_program_still_holds(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    port = own_postgres.port
    own_postgres.stop()
    with held_for_a_moment(port):
        own_postgres.start()
    assert own_postgres.port == port


def test_a_stale_lock_with_the_number_of_another_program_is_no_obstacle(
    own_postgres: EmbeddedPostgres,
) -> None:
    own_postgres.start()
    lock = own_postgres.folder / "data" / "postmaster.pid"
    text = lock.read_text(encoding="ascii")
    own_postgres.stop()
    lock.write_text(str(os.getpid()) + text[text.index("\n") :], encoding="ascii")
    own_postgres.start()
    assert _one(own_postgres.superuser_url(), "SELECT 1") == 1


def test_a_first_start_that_was_cut_off_is_begun_again(own_postgres: EmbeddedPostgres) -> None:
    unfinished = own_postgres.folder / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18", encoding="ascii")
    own_postgres.start()
    assert _one(own_postgres.superuser_url(), "SELECT 1") == 1


def test_data_and_passwords_are_for_the_owner_only(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    modes = {
        name: stat.S_IMODE((own_postgres.folder / name).stat().st_mode)
        for name in ("", "data", "password")
    }
    assert modes == {"": 0o700, "data": 0o700, "password": 0o600}


def test_it_listens_on_loopback_only_and_wants_the_password(own_postgres: EmbeddedPostgres) -> None:
    own_postgres.start()
    url = own_postgres.superuser_url()
    assert _one(url, "SHOW listen_addresses") == "127.0.0.1"
    assert _one(url, "SHOW unix_socket_directories") == ""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(own_postgres.url("postgres", "wrong", "postgres"), connect_timeout=5)


def test_a_folder_that_cannot_be_made_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")
    with pytest.raises(EmbeddedUnavailable) as refused:
        EmbeddedPostgres(tmp_path / "file" / "folder").start()
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_each_test_gets_a_database_of_its_own(bare_database: Database) -> None:
    assert _one(bare_database.url("owner"), "SELECT current_database()") == bare_database.name
