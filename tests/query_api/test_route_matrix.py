"""Every route, walked by its router: nobody can forget a new one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel

from domain.assignments.content import Custodian, Item
from infrastructure.http.paths import PREFIX
from infrastructure.ids import from_uuid, new_id
from query_api.main import ROUTERS
from query_api.reader import ANYBODY, BY_OBJECT, Reads
from tests.builders.inventory_rows import stock_shelf
from tests.fixtures.postgres import Database
from tests.query_api.conftest import Lab
from tests.query_api.custody_world import Custody
from tests.query_api.world import Person, World

ROUTES: Final[Mapping[str, APIRoute]] = {
    route.path.removeprefix(PREFIX): route
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
}
OF_AN_OBJECT: Final = [path for path in ROUTES if "{" in path]
OF_ONE_THING: Final = ("/availability", "/inventory/connection")
LISTS: Final = [path for path in ROUTES if "{" not in path and path not in OF_ONE_THING]


@dataclass(frozen=True)
class Who:
    """For one route: who may read it, and who of the same tenant may not."""

    may: str
    may_not: str | None


PEOPLE: Final[Mapping[str, Who]] = {
    "/me": Who("nobody", None),
    "/users": Who("auditor", "member"),
    "/users/{user_id}": Who("auditor", "nobody"),
    "/roles": Who("auditor", "member"),
    "/projects": Who("auditor", "nobody"),
    "/projects/{project_id}": Who("member", "outsider"),
    "/projects/{project_id}/members": Who("member", "outsider"),
    "/projects/{project_id}/report": Who("technician", "outsider"),
    "/approval-policies": Who("member", "nobody"),
    "/approval-policies/{policy_id}": Who("member", "nobody"),
    "/requisitions": Who("member", "nobody"),
    "/requisitions/{requisition_id}": Who("member", "outsider"),
    "/requisitions/{requisition_id}/lines": Who("member", "outsider"),
    "/requisitions/{requisition_id}/transitions": Who("member", "outsider"),
    "/requisitions/{requisition_id}/history": Who("member", "outsider"),
    "/audit": Who("auditor", "member"),
    "/me/notifications": Who("nobody", None),
    "/me/notification-preferences": Who("nobody", None),
    "/webhooks": Who("admin", "technician"),
    "/webhooks/{webhook_id}": Who("admin", "technician"),
    "/webhooks/{webhook_id}/deliveries": Who("admin", "technician"),
    "/assets": Who("member", "nobody"),
    "/assets/{asset_id}": Who("member", "nobody"),
    "/asset-models": Who("member", "nobody"),
    "/asset-models/{model_id}": Who("member", "nobody"),
    "/asset-categories": Who("member", "nobody"),
    "/asset-categories/{category_id}": Who("member", "nobody"),
    "/locations": Who("member", "nobody"),
    "/locations/{location_id}": Who("member", "nobody"),
    "/status-labels": Who("member", "nobody"),
    "/status-labels/{status_label_id}": Who("member", "nobody"),
    "/accessories": Who("member", "nobody"),
    "/accessories/{accessory_id}": Who("member", "nobody"),
    "/consumables": Who("member", "nobody"),
    "/consumables/{consumable_id}": Who("member", "nobody"),
    "/inventory/connection": Who("admin", "technician"),
    "/inventory/mappings": Who("admin", "technician"),
    "/inventory/mappings/{mapping_id}": Who("admin", "technician"),
    "/inventory/status": Who("nobody", None),
    "/inventory/operations": Who("technician", "member"),
    "/inventory/operations/{operation_id}": Who("technician", "member"),
    "/inventory/drift": Who("technician", "member"),
    "/availability": Who("member", "nobody"),
    "/assignments": Who("member", "nobody"),
    "/asset-assignments": Who("member", "nobody"),
    "/assets/{asset_id}/assignments": Who("member", "nobody"),
    "/projects/{project_id}/assignments": Who("member", "outsider"),
    "/assignments/{assignment_id}": Who("member", "outsider"),
    "/assignments/{assignment_id}/transitions": Who("member", "outsider"),
    "/assignments/{assignment_id}/history": Who("member", "outsider"),
    "/asset-circulations": Who("member", "nobody"),
    "/asset-circulations/{position}": Who("member", "outsider"),
}

NEEDED: Final = {"/availability": "item_kind=asset&item_id={asset_id}&from=2030-01-01T09:00:00Z&"}
"""What a route cannot do without in its query."""

FOR_EVERYBODY: Final = ("/me", "/inventory/status")

Ids = Mapping[str, str]
ID_NAMES: Final = (
    "user_id",
    "project_id",
    "policy_id",
    "requisition_id",
    "webhook_id",
    "asset_id",
    "model_id",
    "category_id",
    "location_id",
    "status_label_id",
    "accessory_id",
    "consumable_id",
    "mapping_id",
    "assignment_id",
    "operation_id",
    "position",
)


@pytest.fixture
def ids(world: World, lab: Lab, database: Database) -> Ids:
    """The ids of existing objects, by their names in paths."""
    requisition = world.draft(lab.member, lab.project_id)
    world.store(requisition, lab.member)
    policy = world.policy(lab.admin, "Simple", ("Lab", "requisitions:approve"))
    shelf = stock_shelf(database, lab.tenant_id)
    custody = Custody(world, lab.tenant_id)
    printer, holder = Item("asset", shelf.printer), Custodian("user", lab.member.id)
    assignment = custody.reserve(lab.technician, printer, holder)
    operation = custody.hand_over(assignment, lab.technician)
    custody.confirm(assignment, operation, lab.technician)
    return {
        "position": str(world.position),
        "assignment_id": from_uuid(assignment.id),
        "operation_id": from_uuid(operation.id),
        "mapping_id": shelf.printer,
        "asset_id": shelf.printer,
        "model_id": shelf.model,
        "category_id": shelf.category,
        "location_id": shelf.place,
        "status_label_id": shelf.label,
        "accessory_id": shelf.cables,
        "consumable_id": shelf.screws,
        "user_id": lab.admin.id,
        "project_id": lab.project_id,
        "policy_id": from_uuid(policy.id),
        "requisition_id": from_uuid(requisition.id),
        "webhook_id": world.webhook(lab.admin),
    }


def _person(lab: Lab, name: str) -> Person:
    person: Person = getattr(lab, name)
    return person


def _url(path: str, ids: Ids) -> str:
    """The address of a route, with what it needs, open for more parameters."""
    return f"{path}?{NEEDED.get(path, '')}".format(**ids)


def _named(dependant: Dependant) -> Iterator[Reads]:
    if isinstance(dependant.call, Reads):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _named(inner)


def test_every_route_is_in_the_matrix() -> None:
    assert sorted(PEOPLE) == sorted(ROUTES)


def test_every_route_names_in_its_signature_who_may_read_it() -> None:
    for path, route in ROUTES.items():
        (named,) = _named(route.dependant)
        assert named.permissions, path
        if named.permissions == (ANYBODY,):
            assert path.startswith(FOR_EVERYBODY)
        if named.permissions == (BY_OBJECT,):
            assert "{" in path


async def test_a_stranger_is_asked_to_sign_in(client: httpx.AsyncClient, ids: Ids) -> None:
    for path in ROUTES:
        for token in (None, "Bearer " + "x" * 43, "Bearer", "Basic eA==", "Bearer \xe4"):
            headers = {} if token is None else {"Authorization": token.encode("latin-1")}
            answer = await client.get(path.format(**ids), headers=headers)  # type: ignore[arg-type]  # bytes are fine

            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["code"] == "unauthenticated"


async def test_another_tenants_object_does_not_exist(
    client: httpx.AsyncClient, lab: Lab, ids: Ids
) -> None:
    for path in OF_AN_OBJECT:
        answer = await client.get(path.format(**ids), headers=lab.neighbour.headers)

        assert answer.status_code == 404, path
        assert answer.json()["code"] == "not_found"


async def test_what_was_never_made_does_not_exist(client: httpx.AsyncClient, lab: Lab) -> None:
    for path in OF_AN_OBJECT:
        for wrong in (new_id(), "1", "not-a-ulid", "8" * 26, "0" * 26, "%00", "ä"):
            for person in (lab.admin, lab.nobody):
                named = path.format(**dict.fromkeys(ID_NAMES, wrong))
                answer = await client.get(named, headers=person.headers)

                assert answer.status_code == 404, named


async def test_a_list_shows_nothing_of_another_tenant(
    client: httpx.AsyncClient, lab: Lab, ids: Ids
) -> None:
    for path in LISTS:
        own = await client.get(path, headers=lab.admin.headers)
        others = await client.get(path, headers=lab.neighbour.headers)

        assert (own.status_code, others.status_code) == (200, 200), path
        for secret in ("Robot arm", "Simple", lab.tenant_id, lab.member.id, *ids.values()):
            assert secret not in others.text, path


async def test_who_lacks_the_right_is_refused(
    client: httpx.AsyncClient, lab: Lab, ids: Ids
) -> None:
    for path, who in PEOPLE.items():
        if who.may_not is None:
            continue
        headers = _person(lab, who.may_not).headers

        answer = await client.get(path.format(**ids), headers=headers)

        assert answer.status_code == 403, path
        assert answer.json()["code"] == "permission_missing"


async def test_who_has_the_right_reads_what_is_documented(
    client: httpx.AsyncClient, app: FastAPI, world: World, lab: Lab, ids: Ids
) -> None:
    for path, who in PEOPLE.items():
        url, headers = _url(path, ids).rstrip("?&"), _person(lab, who.may).headers

        answer = await client.get(url, headers=headers)
        head = await client.head(url, headers=headers)
        address, _, query = url.partition("?")
        without_prefix = await client.get(f"http://query{address}/?{query}", headers=headers)

        assert answer.status_code == 200, f"{path}: {answer.text}"
        assert answer.headers["X-Event-Position"] == str(world.position), path
        assert (head.status_code, head.content) == (200, b""), path
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]
        assert without_prefix.json() == answer.json()
        _check_against_its_model(ROUTES[path], answer)
        assert app.openapi()["paths"][PREFIX + path]["get"]["operationId"]


def test_the_document_asks_for_the_token_that_it_describes(app: FastAPI) -> None:
    document = app.openapi()
    asked = {path: of["get"].get("security") for path, of in document["paths"].items()}

    assert [*document["components"]["securitySchemes"]] == ["bearer"]
    assert asked == {
        "/health/live": None,
        "/health/ready": None,
        **{PREFIX + path: [{"bearer": []}] for path in ROUTES},
    }


def _check_against_its_model(route: APIRoute, answer: httpx.Response) -> None:
    model = route.response_model
    assert issubclass(model, BaseModel)
    shown = model.model_validate_json(answer.content)
    again = shown.model_dump(mode="json")
    assert _keys(again) == _keys(answer.json()), route.path


def _keys(value: object) -> object:
    """The names that a JSON value uses, whatever it holds."""
    if isinstance(value, dict):
        return {name: _keys(held) for name, held in value.items()}
    return [_keys(held) for held in value] if isinstance(value, list) else None


async def test_an_unknown_parameter_is_refused_after_everything_that_comes_first(
    client: httpx.AsyncClient, lab: Lab, ids: Ids
) -> None:
    for path, who in PEOPLE.items():
        url = f"{_url(path, ids)}colour=red"
        refused = await client.get(url, headers=_person(lab, who.may).headers)

        assert refused.status_code == 422, path
        assert refused.json()["errors"][0]["path"] == "colour"
        assert (await client.get(url)).status_code == 401, path
        if who.may_not is not None:
            forbidden = await client.get(url, headers=_person(lab, who.may_not).headers)
            assert forbidden.status_code == 403, path
        if "{" in path:
            elsewhere = await client.get(url, headers=lab.neighbour.headers)
            assert elsewhere.status_code == 404, path


WRONG: Final = [
    ("/requisitions", "limit=0"),
    ("/requisitions", "limit=501"),
    ("/requisitions", "limit=many"),
    ("/requisitions", "offset=-1"),
    ("/requisitions", "sort=colour"),
    ("/requisitions", "state=lost"),
    ("/requisitions", "project_id=1"),
    ("/requisitions", "requester_id=1"),
    ("/requisitions", "waiting_on=you"),
    ("/requisitions", "q="),
    ("/requisitions", "cursor=!"),
    ("/requisitions", "cursor=%C3%A4"),
    ("/requisitions/{requisition_id}", "as_of=yesterday"),
    ("/requisitions/{requisition_id}", "as_of=2026-11-21T09:00:00"),
    ("/requisitions/{requisition_id}", "as_of_version=0"),
    ("/requisitions/{requisition_id}", "as_of_position=-1"),
    ("/requisitions/{requisition_id}", "as_of_position=1&as_of_version=1"),
    ("/requisitions/{requisition_id}/history", "cursor=xxxxxxxxxxxxxxxxxxxxxxxxx"),
    ("/projects", "sort=colour"),
    ("/projects/{project_id}/members", "limit=x"),
    ("/projects/{project_id}/report", "limit=501"),
    ("/projects/{project_id}/report", "from=2026"),
    ("/approval-policies", "sort=colour"),
    ("/users", "sort=colour"),
    ("/assets", "sort=colour"),
    ("/assets", "available=1"),
    ("/assets", "model_id=x"),
    ("/assets", "q="),
    ("/asset-models", "sort=-colour"),
    ("/locations", "cursor=x"),
    ("/accessories", "limit=0"),
    ("/assignments", "state=lost"),
    ("/assignments", "overdue=false"),
    ("/assignments", "sync=synced"),
    ("/assignments", "item_kind=model"),
    ("/assignments", "cursor=x"),
    ("/assets/{asset_id}/assignments", "sort=colour"),
    ("/projects/{project_id}/assignments", "custodian_id=x"),
    ("/assignments/{assignment_id}/history", "limit=0"),
    ("/asset-circulations", "type=lend"),
    ("/asset-circulations", "from=2026"),
    ("/inventory/operations", "kind=lend"),
    ("/inventory/operations", "last_error=%00"),
    ("/inventory/operations", "state=verifying"),
    ("/inventory/drift", "sort=colour"),
    ("/audit", "from=2026"),
    ("/audit", "until=2026-11-21T09:00:00"),
    ("/audit", "actor_id=x"),
    ("/audit", "type=%00"),
    ("/audit", "cursor=x"),
]


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient, lab: Lab, ids: Ids) -> None:
    for path, query in WRONG:
        answer = await client.get(f"{path.format(**ids)}?{query}", headers=lab.admin.headers)

        assert answer.status_code == 422, f"{path}?{query}"
        (wrong,) = answer.json()["errors"]
        assert wrong["in"] == "query"
        assert wrong["path"] in query
