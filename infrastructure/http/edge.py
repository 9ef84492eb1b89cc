"""The HTTP edge that both APIs share: how routes come in, and what is put around them."""

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from infrastructure.http import problems
from infrastructure.http.body_limit import BodyLimit
from infrastructure.http.paths import Paths
from infrastructure.http.request_context import RequestContext


def take_in(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Let ``app`` answer the routes of ``routers``, each of which has its whole path.

    The routes of an included router are built once more by the first request, with a validator for
    each of their parameters and answers: a quarter of a second, and 2 MiB an API.
    """
    for router in routers:
        app.routes.extend(router.routes)


def put_around(app: FastAPI, *, api: str, body_limit: int) -> None:
    """Request ids, headers, HEAD, problems, prefix and slash, and the limit of a body (bytes)."""
    problems.install(app)
    app.add_middleware(BodyLimit, limit=body_limit)
    app.add_middleware(Paths)
    app.add_middleware(RequestContext, api=api)
