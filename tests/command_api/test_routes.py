"""Every route, asked by everybody who must not and by somebody who may."""

from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from command_api.caller import Requirement
from command_api.main import BODY_LIMIT, create_app
from infrastructure.settings import CommandSettings
from tests.command_api.case import Case, Ids
from tests.command_api.cases import CASES, OPEN, SIGNED_IN
from tests.command_api.conftest import Log
from tests.command_api.lab import Tenant

every_route = pytest.mark.parametrize("case", CASES, ids=lambda case: case.operation)
with_a_body = pytest.mark.parametrize(
    "case", [case for case in CASES if case.body], ids=lambda case: case.operation
)
of_an_object = pytest.mark.parametrize(
    "case", [case for case in CASES if case.is_of_an_object], ids=lambda case: case.operation
)


async def send(
    tenant: Tenant,
    case: Case,
    ids: Ids,
    who: str | None = None,
    *,
    version: int | None = None,
    **options: Any,
) -> httpx.Response:
    """The case's request, right in everything that ``options`` do not change."""
    headers = dict(options.pop("headers", {}))
    if who is not None:
        headers |= tenant[who].headers
    if case.version_needed and version != 0:
        headers["If-Match"] = f'"{version or case.version}"'
    if "content" in options:
        headers["Content-Type"] = "application/json"
    else:
        options.setdefault("json", case.sent(ids))
    url = options.pop("url", case.url(ids))
    return await tenant.client.request(case.method, url, headers=headers, **options)


def check_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["trace_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "detail"} <= problem.keys()
    return problem


def test_every_route_of_the_document_has_its_cases(settings: CommandSettings) -> None:
    paths = create_app(settings).openapi()["paths"]
    documented = {
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if "health" not in operation["tags"]
    }
    assert documented == {case.operation for case in CASES} | set(OPEN) | set(SIGNED_IN)


def test_every_route_names_what_it_needs(settings: CommandSettings) -> None:
    for route in api_routes(create_app(settings)):
        if route.operation_id in (*OPEN, *SIGNED_IN):
            continue
        needs = [one.call for one in route.dependant.dependencies]
        assert [type(need) for need in needs] == [Requirement], route.path
        (need,) = needs
        assert isinstance(need, Requirement)
        assert need.permission or need.first, route.path


@every_route
async def test_a_stranger_is_told_to_sign_in_whatever_else_is_wrong(
    case: Case, tenant: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    for wrong in ({}, {"content": b"{"}, {"json": {"no": "such"}}, {"params": {"no": "such"}}):
        answer = await send(tenant, case, ids, version=0, **wrong)
        check_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
    answer = await send(tenant, case, ids, headers={"Authorization": "Bearer wrong-token-000000"})
    check_problem(answer, 401, "unauthenticated")
    assert log.head == head


@of_an_object
async def test_another_tenants_object_is_not_there_whatever_else_is_wrong(
    case: Case, tenant: Tenant, neighbours: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    for who in ("admin", case.actor, "nobody"):
        for wrong in ({}, {"content": b"{"}, {"json": {"no": "such"}}, {"params": {"no": "such"}}):
            answer = await send(neighbours, case, ids, who, version=0, **wrong)
            assert answer.status_code == 404, answer.text
    assert log.head == head


@of_an_object
async def test_a_path_that_is_no_id_names_nothing(case: Case, tenant: Tenant) -> None:
    ids = dict.fromkeys(await case.arrange(tenant), "no-id")
    check_problem(await send(tenant, case, ids, case.actor, json=None), 404, "not_found")


@every_route
async def test_who_lacks_the_right_is_refused_whatever_else_is_wrong(
    case: Case, tenant: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    wrongs: list[dict[str, Any]] = [{}, {"params": {"no": "such"}}]
    if case.body:
        wrongs += [{"content": b"{"}, {"json": {"no": "such"}}]
    for wrong in wrongs:
        answer = await send(tenant, case, ids, case.lacking, version=0, **wrong)
        assert answer.status_code == 403, answer.text
        check_problem(answer, 403, answer.json()["code"])
    assert log.head == head


@every_route
async def test_who_has_the_right_gets_a_receipt(case: Case, tenant: Tenant, log: Log) -> None:
    ids = await case.arrange(tenant)
    answer = await send(tenant, case, ids, case.actor)
    assert answer.status_code == case.status, answer.text
    receipt = answer.json()
    assert answer.headers["etag"] == f'"{receipt["version"]}"'
    assert answer.headers["x-event-position"] == str(receipt["position"])
    assert receipt["position"] == log.head
    assert ("line_id" in receipt) == ("line" in case.operation.split("_"))
    if case.status == 201:
        assert answer.headers["location"].startswith("/api/v1/")


@every_route
async def test_a_repeated_key_has_one_effect_and_one_answer(
    case: Case, tenant: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    body, key = case.sent(ids), {"Idempotency-Key": "the same"}
    first = await send(tenant, case, ids, case.actor, json=body, headers=key)
    head = log.head
    again = await send(tenant, case, ids, case.actor, json=body, headers=key)
    assert first.status_code == case.status, first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers.get("location") == first.headers.get("location")
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert log.head == head


@with_a_body
async def test_another_body_under_a_key_is_refused(case: Case, tenant: Tenant) -> None:
    ids = await case.arrange(tenant)
    key = {"Idempotency-Key": "the same"}
    body = case.sent(ids)
    first = await send(tenant, case, ids, case.actor, json=body, headers=key)
    assert first.status_code == case.status, first.text
    again = await send(
        tenant, case, ids, case.actor, content=b" " + orjson.dumps(body), headers=key
    )
    check_problem(again, 422, "idempotency_key_reused")


@with_a_body
async def test_a_field_that_nobody_knows_is_named(case: Case, tenant: Tenant, log: Log) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    body = {**(case.sent(ids) or {}), "tenant_id": tenant.id}
    problem = check_problem(
        await send(tenant, case, ids, case.actor, json=body), 422, "invalid_fields"
    )
    assert [wrong["path"] for wrong in problem["errors"]] == ["tenant_id"]
    assert log.head == head


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.wrong], ids=lambda case: case.operation
)
async def test_a_field_of_a_wrong_type_is_named(case: Case, tenant: Tenant, log: Log) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    body = {**(case.sent(ids) or {}), **case.wrong}
    problem = check_problem(
        await send(tenant, case, ids, case.actor, json=body), 422, "invalid_fields"
    )
    assert [wrong["path"] for wrong in problem["errors"]] == [case.wrong_path]
    assert log.head == head


@with_a_body
async def test_a_body_that_is_no_json_is_malformed(case: Case, tenant: Tenant, log: Log) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    for content in (b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000):
        answer = await send(tenant, case, ids, case.actor, content=content)
        check_problem(answer, 400, "malformed_json")
    for content in (b"[]", b'"text"', b"7", b"true"):
        answer = await send(tenant, case, ids, case.actor, content=content)
        check_problem(answer, 422, "invalid_fields")
    assert log.head == head


@every_route
async def test_an_oversized_body_is_not_read(case: Case, tenant: Tenant, log: Log) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    content = b" " * (BODY_LIMIT + 1)
    answer = await send(tenant, case, ids, case.actor, content=content)
    check_problem(answer, 413, "body_too_large")
    assert log.head == head


@with_a_body
async def test_an_oversized_body_of_unknown_length_is_not_read(case: Case, tenant: Tenant) -> None:
    ids = await case.arrange(tenant)

    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * (BODY_LIMIT // 10)

    answer = await send(tenant, case, ids, case.actor, content=chunks())
    check_problem(answer, 413, "body_too_large")


@every_route
async def test_a_query_parameter_that_nobody_knows_is_named(case: Case, tenant: Tenant) -> None:
    ids = await case.arrange(tenant)
    answer = await send(tenant, case, ids, case.actor, params={"dry_run": "1"})
    problem = check_problem(answer, 422, "unknown_parameter")
    assert [wrong["path"] for wrong in problem["errors"]] == ["dry_run"]


@every_route
async def test_the_path_without_prefix_and_with_a_slash_keeps_the_body(
    case: Case, tenant: Tenant
) -> None:
    ids = await case.arrange(tenant)
    answer = await send(tenant, case, ids, case.actor, url=f"http://command{case.url(ids)}/")
    assert answer.status_code == case.status, answer.text


@of_an_object
async def test_a_version_that_has_passed_is_a_mismatch(
    case: Case, tenant: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    for named in ('"99"', '"x"', 'W/"1"'):
        answer = await send(
            tenant,
            Case(**{**vars(case), "version_needed": False}),
            ids,
            case.actor,
            headers={"If-Match": named},
        )
        check_problem(answer, 412, "version_mismatch")
    assert log.head == head


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.version_needed], ids=lambda case: case.operation
)
async def test_a_change_without_a_version_is_asked_for_it(
    case: Case, tenant: Tenant, log: Log
) -> None:
    ids = await case.arrange(tenant)
    head = log.head
    check_problem(await send(tenant, case, ids, case.actor, version=0), 428, "version_required")
    assert log.head == head


def test_routes_of_the_command_api_only_change(settings: CommandSettings) -> None:
    routes = api_routes(create_app(settings))
    methods = {method for route in routes for method in route.methods or ()}
    assert methods == {"POST", "PUT", "PATCH", "DELETE"}


def test_the_document_asks_for_a_token_where_the_route_does(settings: CommandSettings) -> None:
    paths = create_app(settings).openapi()["paths"]
    open_to_all = {
        operation["operationId"]
        for methods in paths.values()
        for operation in methods.values()
        if "security" not in operation
    }
    assert open_to_all == {*OPEN, "health_live", "health_ready"}


def api_routes(app: FastAPI) -> list[APIRoute]:
    found = [
        route
        for route in app.routes
        if isinstance(route, APIRoute) and route.include_in_schema and "health" not in route.tags
    ]
    assert len(found) == len(CASES) + len(OPEN) + len(SIGNED_IN)
    return found
