"""`quartermaster status`: at which port it asks, and what stands still in the inventories."""

from pathlib import Path

import psycopg
import pytest

from cli.embedded_system import DataFolder, port_of
from cli.inventory_troubles import troubles_of
from infrastructure.ids import to_uuid
from infrastructure.settings import UpSettings
from tests.builders.inventory import InventoryTables
from tests.builders.people import TENANT
from tests.fixtures.postgres import Database


def test_the_port_is_the_one_that_is_set_or_that_up_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QM_DATA", str(tmp_path))
    monkeypatch.delenv("QM_PORT", raising=False)
    assert port_of(UpSettings.from_environment()) == 8000
    DataFolder(tmp_path).running_mark.write_text("8231", encoding="ascii")
    assert port_of(UpSettings.from_environment()) == 8231
    monkeypatch.setenv("QM_PORT", "8000")
    assert port_of(UpSettings.from_environment()) == 8000


async def test_what_stands_still_is_told_by_tenant_and_reason(database: Database) -> None:
    InventoryTables(database).connect("https://inventory.example")
    url = database.url("worker")
    assert await troubles_of(url) == []

    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO inventory.circuits (tenant_id, state, failures, openings, since, reason)"
            " VALUES (%s, 'open', 5, 1, now(), 'unauthorized')",
            [to_uuid(TENANT)],
        )
        connection.execute(
            "INSERT INTO inventory.mirror_states (tenant_id, base_url, error, failing_since)"
            " VALUES (%s, 'https://inventory.example', 'timed_out', now())",
            [to_uuid(TENANT)],
        )
        connection.execute(
            "INSERT INTO inventory.work (operation_id, tenant_id, thing, due_at)"
            " VALUES (gen_random_uuid(), %s, 'asset:1', now() - interval '5 minutes')",
            [to_uuid(TENANT)],
        )
        circuit, mirror = await troubles_of(url)
        assert circuit.is_wrong
        assert "the circuit is open since" in circuit.line
        assert "unauthorized" in circuit.line
        assert mirror.is_wrong
        assert "timed_out" in mirror.line
        assert str(TENANT) in mirror.line

        connection.execute("UPDATE inventory.circuits SET state = 'closed'")
        mirror, work = await troubles_of(url)
        assert not work.is_wrong
        assert work.line.endswith("no sync worker has taken on: 1")
