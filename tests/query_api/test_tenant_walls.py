"""Two walls between tenants: the filter in every select, and row-level security behind it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import ColumnElement, Table, true

import query_api
from domain.assignments.content import Custodian, Item
from domain.ids import operation_id as operation_id_of
from infrastructure.ids import from_uuid, to_uuid
from query_api.tenant_scope import TenantScope
from tests.builders.inventory_rows import stock_shelf
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import World

PACKAGE = Path(query_api.__path__[0])


@pytest.fixture
def no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application forgets its filter: only row-level security is left."""

    def everything(self: TenantScope, table: Table) -> ColumnElement[bool]:
        return true()

    monkeypatch.setattr(TenantScope, "owns", everything)


@pytest.fixture
def no_row_level_security(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The application runs as somebody whom no policy of the database stops."""
    monkeypatch.setattr(Database, "url", lambda self, _role: self.superuser_url)


@pytest.mark.usefixtures("no_row_level_security")
async def test_without_row_level_security_the_filter_still_hides_the_other_tenant(
    world: World, lab: Lab, client: httpx.AsyncClient, database: Database
) -> None:
    await _check_that_the_neighbour_sees_nothing(client, world, lab, database)


@pytest.mark.usefixtures("no_filter")
async def test_without_the_filter_row_level_security_still_hides_the_other_tenant(
    client: httpx.AsyncClient, world: World, lab: Lab, database: Database
) -> None:
    await _check_that_the_neighbour_sees_nothing(client, world, lab, database)


async def _check_that_the_neighbour_sees_nothing(
    client: httpx.AsyncClient, world: World, lab: Lab, database: Database
) -> None:
    shelf = stock_shelf(database, lab.tenant_id)
    custody = Custody(world, lab.tenant_id)
    printer, holder = Item("asset", shelf.printer), Custodian("user", lab.member.id)
    assignment = custody.lend(lab.technician, printer, holder)
    assignment.detect_drift(None, world.now, world.now)
    world.store(assignment, lab.technician)
    assignment_path = f"/assignments/{from_uuid(assignment.id)}"
    operation_id = operation_id_of(from_uuid(assignment.id), "checkout", 1)
    requisition = world.draft(lab.member, lab.project_id, "Robot arm joint")
    world.store(requisition, lab.member)
    world.policy(lab.admin, "Robot policy", ("Lab", "requisitions:approve"))
    requisition_path = f"/requisitions/{from_uuid(requisition.id)}"
    feed = await client.get("/asset-circulations", headers=lab.admin.headers)
    step_path = f"/asset-circulations/{feed.json()['items'][0]['position']}"

    for path in (
        "/requisitions",
        "/requisitions?q=robot",
        "/projects",
        "/users",
        "/audit",
        "/assets",
        "/assets?q=3dp",
        f"/assets?model_id={shelf.model}",
        "/asset-models?q=prusa",
        "/asset-categories",
        "/locations?q=main",
        "/status-labels",
        "/accessories",
        "/consumables?q=screws",
        "/assignments",
        "/assignments?drift=true",
        "/asset-assignments",
        "/asset-circulations",
        "/inventory/operations",
        "/inventory/drift",
    ):
        own = await client.get(path, headers=lab.admin.headers)
        others = await client.get(path, headers=lab.neighbour.headers)
        assert own.json()["items"], path
        assert "Robot" not in others.text, path
        assert lab.member.id not in others.text, path
    for path in (
        requisition_path,
        f"{requisition_path}/lines",
        f"{requisition_path}/history",
        f"{requisition_path}?as_of_version=1",
        f"/projects/{lab.project_id}",
        f"/users/{lab.member.id}",
        f"/assets/{shelf.printer}",
        f"/asset-models/{shelf.model}",
        f"/asset-categories/{shelf.category}",
        f"/locations/{shelf.place}",
        f"/status-labels/{shelf.label}",
        f"/accessories/{shelf.cables}",
        f"/consumables/{shelf.screws}",
        f"/assets/{shelf.printer}/assignments",
        f"/projects/{lab.project_id}/assignments",
        f"/projects/{lab.project_id}/report",
        assignment_path,
        f"{assignment_path}/history",
        f"{assignment_path}/transitions",
        f"/inventory/operations/{operation_id}",
        step_path,
    ):
        assert (await client.get(path, headers=lab.admin.headers)).status_code == 200
        assert (await client.get(path, headers=lab.neighbour.headers)).status_code == 404, path


@pytest.mark.usefixtures("no_filter")
async def test_a_connection_that_served_one_tenant_shows_nothing_of_it_to_the_next(
    client: httpx.AsyncClient, world: World, lab: Lab
) -> None:
    world.store(world.draft(lab.member, lab.project_id), lab.member)
    homeless = world.person(lab.tenant_id, "homeless")
    world.execute("DELETE FROM identity.sessions WHERE user_id = :id", id=to_uuid(homeless.id))
    world.session(homeless.id, None, homeless.token)

    for _ in range(3):
        assert (await client.get("/requisitions", headers=lab.admin.headers)).json()["items"]
        others = await client.get("/requisitions", headers=lab.neighbour.headers)
        assert others.json()["items"] == []
        without_tenant = await client.get("/me", headers=homeless.headers)
        assert without_tenant.json()["tenant"] is None
        assert without_tenant.json()["permissions"] == []
        assert (await client.get("/requisitions", headers=homeless.headers)).status_code == 403


def test_the_reader_of_the_database_can_change_nothing(database: Database) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        rights = connection.execute(
            "SELECT c.oid::regclass::text, r FROM pg_class c, pg_namespace n,"
            " unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES']) r"
            " WHERE n.oid = c.relnamespace AND c.relkind IN ('r', 'p')"
            " AND n.nspname IN ('log', 'identity', 'read', 'delivery', 'inventory', 'public')"
            " AND CASE WHEN r IN ('DELETE', 'TRUNCATE')"
            " THEN has_table_privilege('qm_query', c.oid, r)"
            " ELSE has_any_column_privilege('qm_query', c.oid, r) END"
        ).fetchall()

    assert rights == []


def test_selects_are_built_in_the_tenant_scope_only() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "tenant_scope.py":
            continue
        imported = set(_imports_from_sqlalchemy(ast.parse(path.read_text())))
        assert imported.isdisjoint({"select", "text", "Select.from_statement", "lambda_stmt"}), path


def _imports_from_sqlalchemy(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            yield from (name.name for name in node.names)
        if isinstance(node, ast.Import):
            assert not any(name.name.startswith("sqlalchemy") for name in node.names)
