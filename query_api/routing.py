"""The route of a reader: unknown query parameters are refused, after everything that comes first.

Who asks and whether there is such an object is settled by the dependencies that a route names.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from infrastructure.http.json_route import refuse_unknown_parameters
from infrastructure.http.paths import PREFIX
from infrastructure.http.problems import refusals

_HEADERS: Final[dict[str, Any]] = {
    "X-Event-Position": {
        "description": "How far the tables are that this was read from.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {"schema": {"type": "string"}},
}
_ETAG: Final[dict[str, Any]] = {"ETag": {"schema": {"type": "string"}}}

Responses = dict[int | str, dict[str, Any]]


class ReadRoute(APIRoute):
    """A route that refuses unknown query parameters last: an answer of a reader costs nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, and the check."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            response = await handler(request)
            await refuse_unknown_parameters(request)
            return response

        return handle


def router(tag: str) -> APIRouter:
    """A router of reading routes, under its name in the documents."""
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=ReadRoute)


def page_responses(*refused: int) -> Responses:
    """What a list may answer."""
    return {200: {"headers": _HEADERS}, **refusals(401, 403, 422, 503, *refused)}


def object_responses(*refused: int, found: Mapping[str, Any] | None = None) -> Responses:
    """What the page of one object may answer."""
    unchanged = {"description": "The client has this very answer.", "headers": _HEADERS | _ETAG}
    return {
        200: {"headers": _HEADERS | _ETAG, **(found or {})},
        304: unchanged,
        **refusals(401, 422, 503, *refused),
    }
