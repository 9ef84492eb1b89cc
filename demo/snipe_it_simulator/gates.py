"""What a request passes before it becomes a call, in the live server's order.

Maintenance mode, database, known path, token, rate limit, permission. Everything here
answers for the server as a whole; what an endpoint does is elsewhere.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from demo.snipe_it_simulator import endpoints, pages
from demo.snipe_it_simulator.calls import Call, Query, Reply, Unrecorded, refused, server_error
from demo.snipe_it_simulator.faults import Fault, Kind
from demo.snipe_it_simulator.inventory import Author
from demo.snipe_it_simulator.rendering import View
from demo.snipe_it_simulator.simulator import Simulator
from demo.snipe_it_simulator.stored import Row

API = "/api/v1"
COOKIE = "snipeit_session=simulated; Max-Age=720000; path=/; httponly; samesite=lax"
REFERENCE = "Please check the API reference at https://snipe-it.readme.io/reference to find a valid API endpoint."
ROOT = "This is the base URL for the API and does not return anything itself. "
HTML_TYPE = "text/html; charset=UTF-8"


async def answer(simulator: Simulator, request: Request, fault: Fault | None) -> Reply:
    """The server's answer to one request, as far as the faults before the handler let it."""
    kind = None if fault is None else fault.kind
    path = request.url.path
    if kind is Kind.MAINTENANCE:
        return _maintenance(wants_json=expects_json(request.headers))
    if kind is Kind.DATABASE_DOWN:
        return _without_database(simulator, path)
    if path == "/health":
        return Reply(body={"status": "ok"})
    if not path.startswith(API):
        return not_simulated(request.method, path)
    below = path.removeprefix(API)
    if endpoints.is_not_allowed(request.method, below):
        return Reply(405, refused("Method not allowed").body)
    return await _of_the_api(simulator, request, below, fault)


async def _of_the_api(
    simulator: Simulator, request: Request, below: str, fault: Fault | None
) -> Reply:
    """Token, rate limit, then the call."""
    kind = None if fault is None else fault.kind
    wants_json = expects_json(request.headers)
    user = simulator.access.owner(simulator.inventory, request.headers.get("authorization", ""))
    if user is None or kind is Kind.UNAUTHORIZED:
        return _unauthorized(simulator, wants_json=wants_json)
    passed, left, ends = simulator.throttle.count(user["id"], simulator.clock())
    limits = {
        "x-ratelimit-limit": str(simulator.throttle.per_minute),
        "x-ratelimit-remaining": str(left),
    }
    if fault is not None and kind is Kind.THROTTLE and fault.seconds > 0:
        return _throttled_on_the_way(fault.seconds)
    if not passed or kind is Kind.THROTTLE:
        return _throttled(simulator, limits, ends, wants_json=wants_json)
    reply = await _behind_the_limit(simulator, request, below, user, fault)
    reply = _for_accept(simulator, reply, wants_json=wants_json)
    return replace(reply, headers={**limits, "set-cookie": COOKIE, **reply.headers})


def expects_json(headers: Mapping[str, str]) -> bool:
    """Whether the first media type is JSON, or a script's request takes anything."""
    first = headers.get("accept", "").split(",")[0].split(";")[0].strip()
    if first.endswith(("/json", "+json")):
        return True
    by_script = headers.get("x-requested-with") == "XMLHttpRequest"
    return by_script and first in {"", "*/*", "*"}


def not_simulated(method: str, path: str) -> Reply:
    """501: this simulator does not know what the live server would answer."""
    message = (
        f"The Snipe-IT simulator does not have {method} {path}. It only answers what was "
        "recorded from a live server; add the endpoint and its recordings to use it."
    )
    return Reply(501, {"error": message})


async def _behind_the_limit(
    simulator: Simulator, request: Request, below: str, user: Row, fault: Fault | None
) -> Reply:
    if endpoints.is_absent(request.method, below):
        about = ROOT if below in {"", "/"} else ""
        message = f"404 endpoint not found. {about}{REFERENCE}"
        return Reply(404, {"status": "error", "message": message, "payload": None})
    found = endpoints.find(request.method, below)
    if found is None:
        return not_simulated(request.method, request.url.path)
    endpoint, parts = found
    may = partial(simulator.access.may, user)
    kind = None if fault is None else fault.kind
    if not may(endpoint.permission) or kind is Kind.FORBIDDEN:
        return Reply(403, {"message": "This action is unauthorized."})
    if fault is not None and (instead := _instead(fault)) is not None:
        return instead
    late_s = fault.seconds if fault is not None and kind is Kind.LATE else 0.0
    call = await _call(simulator, request, user, may, simulator.pause(late_s))
    try:
        return await endpoint.handler(call, *parts)
    except Unrecorded as why:
        return Reply(501, {"error": f"The Snipe-IT simulator has no recording of {why}."})


def _instead(fault: Fault) -> Reply | None:
    """Faults that stand in for the handler."""
    if fault.kind is Kind.ERROR_BEFORE:
        return server_error()
    if fault.kind is Kind.REFUSE:
        return refused(fault.message)
    if fault.kind is Kind.HTML:
        return Reply(html=pages.plain("Snipe-IT"), headers={"content-type": HTML_TYPE})
    return None


async def _call(
    simulator: Simulator,
    request: Request,
    user: Row,
    may: Callable[[str | None], bool],
    pause: Callable[[str], Awaitable[None]],
) -> Call:
    body, malformed = _body(request.headers.get("content-type", ""), await request.body())
    exact = request.headers.get("accept") == "application/json"
    by_api = exact and "content-type" in request.headers
    return Call(
        inventory=simulator.inventory,
        view=View(simulator.inventory, simulator.settings.base_url, may),
        author=Author(
            user["id"], "api" if by_api else "cli/unknown", request.headers.get("user-agent")
        ),
        query=Query(tuple(request.query_params.multi_items())),
        body=body,
        malformed=malformed,
        pause=pause,
    )


def _body(content_type: str, raw: bytes) -> tuple[Mapping[str, Any], bool]:
    """The fields of a body, and whether it is JSON that cannot be read."""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode())), False
    if "json" not in content_type or not raw:
        return {}, False
    try:
        body = json.loads(raw)
    except ValueError:
        return {}, True
    return (body, False) if isinstance(body, dict) else ({}, False)


def _maintenance(*, wants_json: bool) -> Reply:
    if wants_json:
        return Reply(503, refused(503).body)
    headers = {"content-type": HTML_TYPE}
    return Reply(503, html=pages.plain("Maintenance"), headers=headers)


def _without_database(simulator: Simulator, path: str) -> Reply:
    if path == "/health":
        return Reply(500, {"status": "database connection failed"})
    if path == "/setup":
        return Reply(html=pages.plain("Create a User"), headers={"content-type": HTML_TYPE})
    return redirected(simulator, "/setup")


def _unauthorized(simulator: Simulator, *, wants_json: bool) -> Reply:
    if wants_json:
        return Reply(401, {"error": "Unauthorized or unauthenticated."})
    return redirected(simulator, "/login")


def _throttled(
    simulator: Simulator, limits: dict[str, str], ends: int, *, wants_json: bool
) -> Reply:
    if wants_json:
        return Reply(429, refused("Too many requests").body)
    rest = max(ends - int(simulator.clock().timestamp()), 0)
    headers = {
        **limits,
        "x-ratelimit-remaining": "0",
        "retry-after": str(rest),
        "x-ratelimit-reset": str(ends),
        "content-type": HTML_TYPE,
    }
    return Reply(429, html=pages.plain("Too Many Requests"), headers=headers)


def _throttled_on_the_way(seconds: float) -> Reply:
    """What a proxy in front of the server says, which tells when to come back."""
    return Reply(
        429, refused("Too many requests").body, headers={"retry-after": str(ceil(seconds))}
    )


def redirected(simulator: Simulator, path: str) -> Reply:
    """A 302 to a page of the server."""
    url = simulator.settings.base_url + path
    return Reply(
        302,
        html=pages.redirect(url),
        headers={"location": url, "content-type": "text/html; charset=utf-8"},
    )


def _for_accept(simulator: Simulator, reply: Reply, *, wants_json: bool) -> Reply:
    """Errors become redirects for a caller who did not ask for JSON first."""
    error = isinstance(reply.body, dict) and reply.body.get("status") == "error"
    if wants_json or not error or reply.status == 404:  # noqa: PLR2004 - status codes read better so
        return reply
    if reply.redirect is None:
        why = "this refusal for a caller who does not ask for JSON"
        return Reply(501, {"error": f"The Snipe-IT simulator has no recording of {why}."})
    return redirected(simulator, reply.redirect)
