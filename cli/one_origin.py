"""Both APIs behind one address: GET and HEAD read, everything else is a command.

What they have in common, the documentation and the health of all, is answered here.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, Response
from starlette.responses import HTMLResponse, JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from infrastructure.http.edge import put_around
from infrastructure.http.health import readiness, states
from infrastructure.http.openapi import docs_page

TITLE: Final = "Quartermaster"
_READS: Final = frozenset({"GET", "HEAD"})
_OWN: Final = frozenset({"/docs", "/openapi.json", "/health/ready"})
_NO_BODY: Final = 1024


class OneOrigin:
    """The ASGI application that hands each request to the API whose it is."""

    def __init__(self, commands: FastAPI, queries: FastAPI) -> None:
        self._commands = commands
        self._queries = queries
        self._own = _own_application(commands, queries)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request, or the life of the process, on."""
        await self._whose(scope)(scope, receive, send)

    def _whose(self, scope: Scope) -> ASGIApp:
        if scope["type"] == "lifespan" or scope.get("path") in _OWN:
            return self._own
        return self._queries if scope.get("method") in _READS else self._commands


def _own_application(commands: FastAPI, queries: FastAPI) -> FastAPI:
    apis = {"command": commands, "query": queries}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for api in apis.values():
                await stack.enter_async_context(api.router.lifespan_context(api))
            yield

    app = FastAPI(title=TITLE, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)

    @app.get("/docs")
    async def docs() -> HTMLResponse:
        return docs_page(TITLE)

    @app.get("/openapi.json")
    async def openapi() -> JSONResponse:
        return JSONResponse(merged([api.openapi() for api in apis.values()]))

    @app.get("/health/ready")
    async def ready() -> Response:
        found = await asyncio.gather(*(states(api.state.checks) for api in apis.values()))
        named = zip(apis, found, strict=True)
        return readiness(
            {f"{name}.{part}": state for name, parts in named for part, state in parts.items()}
        )

    put_around(app, api="origin", body_limit=_NO_BODY)
    return app


def merged(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """One OpenAPI document out of those of both APIs.

    Where two components differ under one name, the later one gets another name.
    """
    first, *others = documents
    whole: dict[str, Any] = json.loads(json.dumps(first))
    whole["info"]["title"] = TITLE
    for other in others:
        fitting = _with_names_that_fit(whole, other)
        for path, operations in fitting["paths"].items():
            whole["paths"].setdefault(path, {}).update(operations)
        for kind, entries in fitting.get("components", {}).items():
            whole.setdefault("components", {}).setdefault(kind, {}).update(entries)
    return whole


def _with_names_that_fit(whole: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(other)
    known = whole.get("components", {}).get("schemas", {})
    for name, schema in other.get("components", {}).get("schemas", {}).items():
        if name in known and known[name] != schema:
            text = text.replace(
                f'"#/components/schemas/{name}"', f'"#/components/schemas/{name}Read"'
            )
            text = text.replace(
                f'"{name}": {json.dumps(schema)}', f'"{name}Read": {json.dumps(schema)}'
            )
    fitting: dict[str, Any] = json.loads(text)
    return fitting
