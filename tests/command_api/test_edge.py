"""What surrounds every answer: ids, headers, HEAD, health, the document and its page."""

import base64
import hashlib
import re

import httpx
import pytest
from fastapi import FastAPI

from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant
from tests.command_api.test_routes import check_problem

ROOT = "http://command"


async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, tenant: Tenant
) -> None:
    answers = [
        await client.get(f"{ROOT}/health/live"),
        await client.get(f"{ROOT}/openapi.json"),
        await client.get(f"{ROOT}/nowhere"),
        await client.get("/me/signup"),
        await client.post("/projects", json={}),
        await client.post("/projects", content=b"x" * 1_000_000),
        await tenant.post("admin", "/projects", {"name": "P"}),
        await tenant.post("nobody", "/projects", {"name": "P"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 401, 413, 201, 403]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers
    over_https = await client.get("https://command/health/live")
    assert over_https.headers["strict-transport-security"].startswith("max-age=")


async def test_a_clients_own_request_id_is_the_correlation_of_its_events(
    tenant: Tenant, log: Log
) -> None:
    own = {"X-Request-Id": "order-7:retry.2"}
    answer = await tenant.post("admin", "/projects", {"name": "P"}, headers=own)
    assert answer.headers["x-request-id"] == "order-7:retry.2"
    row = log.connection.execute(
        "SELECT correlation_id, actor_id IS NOT NULL FROM log.stored_events"
        " WHERE notification_id = %s",
        (log.head,),
    ).fetchone()
    assert row == ("order-7:retry.2", True)


@pytest.mark.parametrize("unfit", ["x" * 129, "a b", "<script>", ""])
async def test_a_request_id_that_is_unfit_is_replaced(
    client: httpx.AsyncClient, unfit: str
) -> None:
    answer = await client.get(f"{ROOT}/health/live", headers={"X-Request-Id": unfit})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_head_is_answered_wherever_get_is(client: httpx.AsyncClient) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/docs"):
        got = await client.get(ROOT + path)
        asked = await client.head(ROOT + path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
    assert (await client.head("/projects")).status_code == 405


async def test_a_route_that_does_not_exist_is_a_problem(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/requisitions/x/y/z/q", f"{ROOT}/", f"{ROOT}/api/v1"):
        check_problem(await client.get(path), 404, "no_such_route")
    refused = check_problem(await client.put("/me/signup"), 405, "method_not_allowed")
    assert refused["title"] == "Method Not Allowed"


async def test_a_fault_of_ours_shows_nothing_of_itself(
    app: FastAPI, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(type(app.state.services.commands), "run", fail)
    answer = await tenant.post("admin", "/projects", {"name": "P"})
    problem = check_problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    assert "ZeroDivision" not in answer.text
    assert problem["trace_id"] in caplog.text
    assert "secret detail" in caplog.text


async def test_the_page_of_the_document_runs_only_its_own_script(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get(f"{ROOT}/docs")
    policy = page.headers["content-security-policy"]
    (script,) = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy
    (script_sources,) = re.findall(r"script-src ([^;]*)", policy)
    assert "unsafe" not in script_sources
    document = (await client.get(f"{ROOT}/openapi.json")).json()
    assert document["info"]["title"] == "Quartermaster commands"


async def test_every_refusal_of_the_document_is_a_problem(client: httpx.AsyncClient) -> None:
    document = (await client.get(f"{ROOT}/openapi.json")).json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and not path.startswith("/health"):
                    assert list(answer["content"]) == ["application/problem+json"], (path, method)
