"""The query API: what it is made of, and what it opens while it runs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute

from infrastructure.event_store.log_reader import LogReader
from infrastructure.http.edge import put_around, take_in
from infrastructure.http.health import Check, health_routes
from infrastructure.http.openapi import describe, docs_page
from infrastructure.http.paths import PREFIX
from infrastructure.postgres import pool_of
from infrastructure.read_engine import ReadEngine
from infrastructure.read_positions import ReadPositions
from infrastructure.settings import QuerySettings
from query_api.approval_policies import approval_policies
from query_api.asset_models import asset_models
from query_api.assets.routes import assets
from query_api.assignments.routes import assignments
from query_api.audit import audit
from query_api.availability.routes import availability
from query_api.circulation import circulation
from query_api.inventory_connection import inventory_connection
from query_api.inventory_drift import inventory_drift
from query_api.inventory_mappings import inventory_mappings
from query_api.inventory_operations import inventory_operations
from query_api.inventory_status import inventory_status
from query_api.locations import locations
from query_api.me import me
from query_api.notifications import notifications
from query_api.project_report.routes import project_report
from query_api.projects import projects
from query_api.reader import Sources
from query_api.requisitions.routes import requisitions
from query_api.roles import roles
from query_api.status_labels import status_labels
from query_api.stock import stock
from query_api.users import users
from query_api.webhooks import webhooks
from read_tables.positions import READ_CHANNEL

ROUTERS: Final = (
    me,
    users,
    roles,
    projects,
    project_report,
    approval_policies,
    requisitions,
    audit,
    inventory_connection,
    inventory_mappings,
    asset_models,
    assets,
    stock,
    locations,
    status_labels,
    assignments,
    circulation,
    inventory_status,
    inventory_operations,
    inventory_drift,
    availability,
    notifications,
    webhooks,
)

TITLE: Final = "Quartermaster: queries"
_DESCRIPTION: Final = (
    "Reads what the log has been turned into. `Min-Position: <position>` waits until the tables"
    " have seen the event of that position, so that a client reads its own write."
)
_BODY_LIMIT: Final = 64 * 1024
_LOG_CONNECTIONS: Final = 4


def create_app(settings: QuerySettings) -> FastAPI:
    """The application. Connections are opened when it starts and closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_sources(settings) as sources:
            app.state.sources = sources
            app.state.checks = _checks(sources)
            yield

    app = FastAPI(
        title=TITLE,
        version="1",
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    take_in(app, (*ROUTERS, health_routes(lambda: app.state.checks)))
    _document(app)
    put_around(app, api="query", body_limit=_BODY_LIMIT)
    return app


@asynccontextmanager
async def open_sources(settings: QuerySettings) -> AsyncIterator[Sources]:
    """What answers are read from, until the end of the block."""
    url = settings.query_database_url.get_secret_value()
    engine = ReadEngine(url, pool_size=settings.query_pool_size)
    positions = ReadPositions(url, READ_CHANNEL)
    log_pool = pool_of(url, min_size=0, max_size=_LOG_CONNECTIONS)
    await log_pool.open(wait=False)
    await positions.start()
    try:
        yield Sources(
            engine=engine,
            positions=positions,
            log=LogReader(log_pool),
            secret=settings.secret_key.get_secret_value().encode(),
        )
    finally:
        await positions.close()
        await log_pool.close()
        await engine.close()


def _checks(sources: Sources) -> Mapping[str, Check]:
    async def database() -> None:
        async with sources.engine.snapshot() as snapshot:
            await snapshot.head()

    async def positions() -> None:
        await sources.positions.wait_until_listening(timeout_s=1)

    return {"database": database, "positions": positions}


def _document(app: FastAPI) -> None:
    app.openapi = describe(app, description=_DESCRIPTION, needs_token=_needs_token)  # type: ignore[method-assign]  # FastAPI's own way to say it

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return docs_page(TITLE)


def _needs_token(route: APIRoute) -> bool:
    return route.path.startswith(PREFIX)
