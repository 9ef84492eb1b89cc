"""The command API: the application with everything that it is made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse

from command_api import (
    approval_policies,
    asset_assignments,
    assets,
    assignments,
    inventory_connection,
    inventory_operations,
    me,
    notifications,
    projects,
    requisitions,
    roles,
    users,
    webhooks,
)
from command_api.caller import Requirement, signed_in
from command_api.services import open_services
from domain.ports import Clock
from infrastructure.clock import utc_now
from infrastructure.http.edge import put_around, take_in
from infrastructure.http.health import health_routes
from infrastructure.http.openapi import describe, docs_page
from infrastructure.identity.signin import Limits
from infrastructure.settings import CommandSettings

BODY_LIMIT: Final = 256 * 1024

ROUTERS: Final = (
    me.routes,
    users.routes,
    roles.routes,
    projects.routes,
    approval_policies.routes,
    requisitions.routes,
    assignments.routes,
    inventory_connection.routes,
    inventory_operations.routes,
    assets.routes,
    asset_assignments.routes,
    notifications.routes,
    webhooks.routes,
)

DESCRIPTION: Final = """
Ask for a change; a receipt proves that it is in the log. Reads are the query API's.

Every command takes an `Idempotency-Key`: repeated under it, a request has one effect and one
answer. `If-Match` names the version that a change is meant for.
"""


def create_app(
    settings: CommandSettings, *, clock: Clock = utc_now, limits: Limits | None = None
) -> FastAPI:
    """The application. Nothing is opened before its lifespan begins."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings, clock=clock, limits=limits) as services:
            app.state.services = services
            app.state.checks = services.checks
            yield

    app = FastAPI(
        title="Quartermaster commands",
        version="1",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    take_in(app, (*ROUTERS, health_routes(lambda: app.state.checks)))
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.openapi = describe(app, description=DESCRIPTION, needs_token=needs_token)  # type: ignore[method-assign]  # FastAPI's own way
    put_around(app, api="command", body_limit=BODY_LIMIT)
    return app


def needs_token(route: APIRoute) -> bool:
    """Whether a route asks who is calling."""
    return any(map(_asks_who, route.dependant.dependencies))


def _asks_who(dependant: Dependant) -> bool:
    return isinstance(dependant.call, Requirement) or dependant.call is signed_in


def _docs() -> HTMLResponse:
    return docs_page("Quartermaster commands")
