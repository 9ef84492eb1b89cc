"""The OpenAPI document of an API, true to what it answers, and its page."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.responses import HTMLResponse

from infrastructure.http.problems import ProblemDocument

_CDN: Final = "https://cdn.jsdelivr.net"
_OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")


def describe(
    app: FastAPI, *, description: str, needs_token: Callable[[APIRoute], bool]
) -> Callable[[], dict[str, Any]]:
    """The function for ``app.openapi``. ``needs_token`` tells the routes that ask for a bearer."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, description, needs_token)
        return app.openapi_schema

    return document


def docs_page(title: str, openapi_url: str = "/openapi.json") -> HTMLResponse:
    """Swagger UI, with a content security policy that names its one inline script."""
    page = get_swagger_ui_html(openapi_url=openapi_url, title=title)
    script = re.search(rb"<script>(.*?)</script>", bytes(page.body), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.group(1) if script else b"").digest()).decode()
    page.headers["Content-Security-Policy"] = (
        f"default-src 'none'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        f"img-src data: https://fastapi.tiangolo.com; style-src {_CDN} 'unsafe-inline'; "
        f"script-src {_CDN} 'sha256-{digest}'"
    )
    return page


def _document(
    app: FastAPI, description: str, needs_token: Callable[[APIRoute], bool]
) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=description, routes=app.routes
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _OF_FASTAPI:
        schemas.pop(name, None)
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas[ProblemDocument.__name__] = problem
    document["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    asking = {
        route.operation_id or route.unique_id
        for route in app.routes
        if isinstance(route, APIRoute) and needs_token(route)
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            if operation["operationId"] in asking:
                operation["security"] = [{"bearer": []}]
    return document
