"""A route that answers faults in the order of the contract: 401, 404, 403, 400/422, 428, 412, 409.

FastAPI parses the body before it asks who is calling, so that malformed JSON would be reported
to a stranger: here an unreadable body is only remembered. And what a fault of the request hides
(no such object, no right to it) is asked for only when there is such a fault, so that a good
request pays nothing for the order.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from domain.errors import VersionMismatch
from infrastructure.http.problems import FieldError, Problem

UNREADABLE: Final = b""
"""Stands for a body that is no JSON. No model accepts bytes."""

Check = Callable[[], Awaitable[None]]


class JsonRequest(Request):
    """A request that remembers malformed JSON instead of raising."""

    async def json(self) -> Any:
        """The parsed body, or ``UNREADABLE``."""
        try:
            return orjson.loads(await self.body())
        except orjson.JSONDecodeError as error:
            self.state.malformed = str(error)
            return UNREADABLE


class JsonRoute(APIRoute):
    """A route with ``JsonRequest`` and the order of checks. Use it as ``route_class``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, with what comes earlier asked first where something is wrong."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            readable = JsonRequest(request.scope, request.receive)
            try:
                return await handler(readable)
            except RequestValidationError as error:
                await _ask_first(readable)
                detail = getattr(readable.state, "malformed", None)
                if detail is None:
                    raise
                raise Problem(400, "malformed_json", f"The body is no JSON: {detail}") from error
            except (Problem, VersionMismatch):
                await _ask_first(readable)
                raise

        return handle


def ask_first(request: Request, check: Check) -> None:
    """Let ``check`` (404, then 403) speak before any later fault of this request is answered."""
    request.state.first = check


async def _ask_first(request: Request) -> None:
    check: Check | None = getattr(request.state, "first", None)
    if check is not None:
        await check()


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise the 422 of a query parameter that the route does not know.

    A dependency: place it after the one that asks who is calling.
    """
    if not request.scope.get("query_string"):
        return
    known = _query_names(request.scope["route"].dependant)
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise Problem(
            422,
            "unknown_parameter",
            "This route has no such query parameter.",
            errors=[
                FieldError("query", (name,), "There is no such parameter here.", "unknown")
                for name in unknown
            ],
        )


def _query_names(dependant: Any) -> set[str]:
    names = {field.alias for field in dependant.query_params}
    return names.union(*(_query_names(inner) for inner in dependant.dependencies))
