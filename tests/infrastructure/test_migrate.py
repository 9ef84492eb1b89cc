"""Migrations: by an owner who is no superuser, once, whoever else is at it."""

import importlib
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from infrastructure.migrate import migrate
from tests.fixtures.postgres import Database

VERSIONS = "SELECT version_num FROM alembic_version"


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute(query.encode()).fetchall()


def test_an_owner_without_special_rights_migrates(bare_database: Database) -> None:
    migrate(bare_database.url("owner"), bare_database.role_urls())

    assert rows(bare_database.url("owner"), VERSIONS)
    assert rows(bare_database.url("command"), "SELECT position FROM log.log_head") == [(0,)]


def test_migrating_again_changes_nothing(bare_database: Database) -> None:
    for _ in range(2):
        migrate(bare_database.url("owner"), bare_database.role_urls())
        epoch = rows(bare_database.url("relay"), "SELECT epoch FROM log.log_head")

    assert rows(bare_database.url("relay"), "SELECT epoch FROM log.log_head") == epoch


def test_two_that_migrate_at_once_do_it_once(bare_database: Database) -> None:
    owner, roles = bare_database.url("owner"), bare_database.role_urls()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda _: migrate(owner, roles), range(2)))

    assert len(rows(owner, VERSIONS)) == 1


def test_passwords_reach_the_server_as_verifiers_only(bare_database: Database) -> None:
    migrate(bare_database.url("owner"), bare_database.role_urls())

    kept = rows(
        bare_database.superuser_url,
        "SELECT rolpassword FROM pg_authid WHERE rolname IN ('qm_command', 'qm_query')",
    )
    assert [str(password).split("$")[0] for (password,) in kept] == ["SCRAM-SHA-256"] * 2


def test_a_role_without_a_password_in_its_url_keeps_its_own(bare_database: Database) -> None:
    owner = bare_database.url("owner")
    migrate(owner, bare_database.role_urls())
    migrate(owner, {"qm_command": "postgresql://qm_command@127.0.0.1/any"})

    assert rows(bare_database.url("command"), "SELECT 1") == [(1,)]


def test_the_log_cannot_be_migrated_away() -> None:
    log = importlib.import_module("migrations.versions.0001_log")

    with pytest.raises(NotImplementedError):
        log.downgrade()
