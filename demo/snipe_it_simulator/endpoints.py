"""The endpoints: method, path, permission, handler. What is not listed is answered 501."""

import re
from dataclasses import dataclass, replace
from typing import TypeVar

from demo.snipe_it_simulator import (
    counted,
    custody,
    editing,
    listing,
    maintenances,
    models,
    rendering,
    stock,
)
from demo.snipe_it_simulator.calls import (
    Call,
    Handler,
    Reply,
    Unrecorded,
    listed,
    refused,
    shown,
    whole,
)
from demo.snipe_it_simulator.simulator import VERSION
from demo.snipe_it_simulator.stored import Asset

T = TypeVar("T")
NO_ASSET = "Asset does not exist."
NO_USER = "User does not exist or you do not have permission view them."
ID = r"([^/]+)"
ASSET = r"((?!selectlist$)[^/]+)"
"""An asset's id, or what stands in its place; ``/hardware/selectlist`` is not simulated."""


@dataclass(frozen=True)
class Endpoint:
    """``path`` is below /api/v1, a regular expression whose groups go to the handler."""

    method: str
    path: str
    permission: str | None
    handler: Handler


@dataclass(frozen=True)
class Resource:
    """A kind of row with a list and single records."""

    table: str
    one: str
    filters: tuple[str, ...]
    missing: str


RESOURCES = (
    Resource("models", "model", ("category_id",), "AssetModel not found"),
    Resource("users", "user", ("email", "username", "employee_num", "location_id"), NO_USER),
    Resource("locations", "location", (), "Location not found"),
    Resource("statuslabels", "status_label", ("status_type",), "Statuslabel not found"),
    Resource("categories", "category", ("category_type",), "Category not found"),
    Resource("suppliers", "supplier", (), "Supplier not found"),
    Resource("companies", "company", (), "Company not found"),
    Resource("accessories", "accessory", ("category_id", "location_id"), "Accessory not found"),
    Resource("consumables", "consumable", ("category_id", "location_id"), "Consumable not found"),
)


async def version(_: Call) -> Reply:
    """``GET /version``."""
    return shown({"version": VERSION})


async def me(call: Call) -> Reply:
    """``GET /users/me``: does not count the users whom its owner manages."""
    row = call.inventory.rows["users"][call.author.user_id or 0]
    return shown({**counted.user(call.view, row), "manages_users_count": 0})


async def hardware(call: Call) -> Reply:
    """``GET /hardware``."""
    found = listing.assets(call.view, call.query)
    return _asset_list(call, _page(found, call), len(found))


async def asset(call: Call, asset_id: str) -> Reply:
    """``GET /hardware/{id}``: deleted assets are still shown."""
    one = call.inventory.assets.get(whole(asset_id) or 0)
    return refused(NO_ASSET) if one is None else shown(rendering.asset(call.view, one))


async def asset_by_tag(call: Call, tag: str) -> Reply:
    """``GET /hardware/bytag/{tag}``: one record, but a list with ``deleted=true``."""
    if call.query.get("deleted") == "true":
        found = [one for one in call.inventory.assets.values() if one.asset_tag == tag]
        return _asset_list(call, found, len(found))
    found = [one for one in call.inventory.live_assets() if one.asset_tag == tag]
    return shown(rendering.asset(call.view, found[0])) if found else refused(NO_ASSET)


async def assets_by_serial(call: Call, serial: str) -> Reply:
    """``GET /hardware/byserial/{serial}``: a list, but never an empty one."""
    found = [one for one in call.inventory.live_assets() if one.serial == serial]
    return _asset_list(call, found, len(found)) if found else refused(NO_ASSET)


async def accessory_checkouts(call: Call, accessory_id: str) -> Reply:
    """``GET /accessories/{id}/checkedout``."""
    if call.inventory.row("accessories", whole(accessory_id)) is None:
        raise Unrecorded("the rows of an accessory that does not exist")
    units = call.inventory.units_out("accessories", whole(accessory_id) or 0)
    found = _page(units, call)
    return listed([rendering.accessory_checkout(call.view, one) for one in found], len(units))


async def consumable_users(call: Call, consumable_id: str) -> Reply:
    """``GET /consumables/{id}/users``: all at once, whatever ``limit`` and ``offset`` say."""
    if call.inventory.row("consumables", whole(consumable_id)) is None:
        raise Unrecorded("the users of a consumable that does not exist")
    units = call.inventory.units_out("consumables", whole(consumable_id) or 0)
    return listed([rendering.consumable_use(call.view, one) for one in units], len(units))


async def activity(call: Call) -> Reply:
    """``GET /reports/activity``, which has a content type of its own."""
    found = listing.activity(call.view, call.query)
    shown_rows = _page(found, call)
    reply = listed([rendering.activity(call.view, one) for one in shown_rows], len(found))
    return replace(reply, headers={"content-type": "application/json;charset=utf8"})


async def maintenance_list(call: Call) -> Reply:
    """``GET /maintenances``."""
    asset_id = whole(call.query.get("asset_id"))
    found = [
        one
        for one in call.inventory.maintenances.values()
        if asset_id is None or one.asset_id == asset_id
    ]
    sorts = frozenset({"id", "title", "created_at", "start_date", "completion_date"})
    ordered = listing.ordered(found, call.query, sorts, getattr)
    rows = _page(ordered, call)
    return listed([rendering.maintenance(call.view, one) for one in rows], len(found))


async def maintenance(call: Call, maintenance_id: str) -> Reply:
    """``GET /maintenances/{id}``."""
    one = call.inventory.maintenances.get(whole(maintenance_id) or 0)
    if one is None:
        return refused("AssetMaintenance not found")
    return shown(rendering.maintenance(call.view, one))


def _page(found: list[T], call: Call) -> list[T]:
    return listing.page(found, call.query, call.inventory.max_results)


def _asset_list(call: Call, found: list[Asset], total: int) -> Reply:
    return listed([rendering.asset(call.view, one) for one in found], total)


def _list_of(resource: Resource) -> Handler:
    render = getattr(counted, resource.one)

    async def handler(call: Call) -> Reply:
        found = listing.rows(call.view, resource.table, call.query, resource.filters)
        rows = _page(found, call)
        # Asked for one type of status label, the server counts nothing, as for a single one.
        form = counted.status_label_alone if call.query.get("status_type") else render
        return listed([form(call.view, row) for row in rows], len(found))

    return handler


def _one_of(resource: Resource) -> Handler:
    render = getattr(counted, f"{resource.one}_alone", getattr(counted, resource.one))

    async def handler(call: Call, row_id: str) -> Reply:
        row = call.inventory.row(resource.table, whole(row_id))
        return refused(resource.missing) if row is None else shown(render(call.view, row))

    return handler


ENDPOINTS = (
    Endpoint("GET", "/version", None, version),
    Endpoint("GET", "/users/me", None, me),
    Endpoint("GET", "/hardware", "assets.view", hardware),
    Endpoint("POST", "/hardware", "assets.create", editing.create),
    Endpoint("GET", f"/hardware/bytag/{ID}", "assets.view", asset_by_tag),
    Endpoint("GET", f"/hardware/byserial/{ID}", "assets.view", assets_by_serial),
    Endpoint("GET", f"/hardware/{ASSET}", "assets.view", asset),
    Endpoint("PATCH", r"/hardware/(\d+)", "assets.edit", editing.patch),
    Endpoint("DELETE", r"/hardware/(\d+)", "assets.delete", editing.delete),
    Endpoint("POST", r"/hardware/(\d+)/restore", "assets.delete", editing.restore),
    Endpoint("POST", f"/hardware/{ID}/checkout", "assets.checkout", custody.checkout),
    Endpoint("POST", f"/hardware/{ID}/checkin", "assets.checkin", custody.checkin),
    Endpoint("GET", r"/accessories/(\d+)/checkedout", "accessories.view", accessory_checkouts),
    Endpoint(
        "POST", r"/accessories/(\d+)/checkout", "accessories.checkout", stock.checkout_accessory
    ),
    Endpoint("POST", r"/accessories/(\d+)/checkin", "accessories.checkin", stock.checkin_accessory),
    Endpoint(
        "POST", r"/consumables/(\d+)/checkout", "consumables.checkout", stock.checkout_consumable
    ),
    Endpoint("GET", r"/consumables/(\d+)/users", "consumables.view", consumable_users),
    Endpoint("GET", "/reports/activity", "reports.view", activity),
    Endpoint("GET", "/maintenances", "assets.view", maintenance_list),
    Endpoint("GET", r"/maintenances/(\d+)", "assets.view", maintenance),
    Endpoint("POST", "/maintenances", "assets.edit", maintenances.create),
    Endpoint("PATCH", r"/maintenances/(\d+)", "assets.edit", maintenances.patch),
    Endpoint("POST", "/models", "models.create", models.create),
    *(Endpoint("GET", f"/{one.table}", f"{one.table}.view", _list_of(one)) for one in RESOURCES),
    *(
        Endpoint("GET", rf"/{one.table}/(\d+)", f"{one.table}.view", _one_of(one))
        for one in RESOURCES
    ),
)

# Paths that the live server was seen not to have.
ABSENT = (r"/?", "/nosuch", r"/models/\d+/assets")
# Methods that it was seen not to allow; a GET on a path for writes counts as absent.
NOT_ALLOWED = (("DELETE", "/hardware"), ("POST", r"/consumables/\d+/checkin"))
ABSENT_GETS = (r"/hardware/\d+/checkout",)


def find(method: str, path: str) -> tuple[Endpoint, tuple[str, ...]] | None:
    """The endpoint of a call and the parts of its path that the handler wants."""
    for endpoint in ENDPOINTS:
        match = re.fullmatch(endpoint.path, path)
        if endpoint.method == method and match is not None:
            return endpoint, match.groups()
    return None


def is_absent(method: str, path: str) -> bool:
    """Whether the live server was seen to answer 404 to this."""
    paths = (*ABSENT, *(ABSENT_GETS if method == "GET" else ()))
    return any(re.fullmatch(one, path) for one in paths)


def is_not_allowed(method: str, path: str) -> bool:
    """Whether the live server was seen to answer 405 to this."""
    return any(method == one and re.fullmatch(where, path) for one, where in NOT_ALLOWED)
