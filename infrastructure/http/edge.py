"""The HTTP edge that both APIs share, put around an application in one call."""

from fastapi import FastAPI

from infrastructure.http import problems
from infrastructure.http.body_limit import BodyLimit
from infrastructure.http.paths import Paths
from infrastructure.http.request_context import RequestContext


def put_around(app: FastAPI, *, api: str, body_limit: int) -> None:
    """Request ids, headers, HEAD, problems, prefix and slash, and the limit of a body (bytes)."""
    problems.install(app)
    app.add_middleware(BodyLimit, limit=body_limit)
    app.add_middleware(Paths)
    app.add_middleware(RequestContext, api=api)
