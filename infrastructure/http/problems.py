"""Refusals and faults as RFC 9457 problem documents: the one mapping, for both APIs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from domain.errors import (
    Forbidden,
    InvalidField,
    InventoryUnavailable,
    NotFound,
    Refused,
    VersionMismatch,
)
from infrastructure.errors import (
    CommandInFlight,
    IdempotencyKeyReused,
    InfrastructureError,
    TooManyTries,
)

MEDIA_TYPE: Final = "application/problem+json"
ERRORS_LIMIT: Final = 100

_HTTP_CODES: Final = {
    400: "malformed_request",
    401: "unauthenticated",
    404: "no_such_route",
    405: "method_not_allowed",
    413: "body_too_large",
    503: "unavailable",
}
_REPORT: Final = "Tell whoever runs this installation, with the trace_id."


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with a request. ``path`` leads to it from the root of ``place``."""

    place: str
    path: tuple[str | int, ...]
    detail: str
    code: str

    def as_dict(self) -> dict[str, str]:
        """As it stands in the document."""
        return {
            "in": self.place,
            "path": ".".join(map(str, self.path)),
            "detail": self.detail,
            "code": self.code,
        }


class Problem(Exception):
    """A refusal that exists at the HTTP edge only, ready to be answered."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        help: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.help = help
        self.headers = dict(headers or {})


class Unauthenticated(Problem):
    """No token, or one that does not work (any more)."""

    def __init__(self, detail: str = "This needs a valid bearer token.") -> None:
        super().__init__(
            401,
            "unauthenticated",
            detail,
            help="Sign in with POST /me/signin and send the token as Authorization: Bearer.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class FieldProblem(BaseModel):
    """One field of a request that cannot be accepted."""

    in_: str = Field(alias="in", description="body, query, path or header")
    path: str = Field(description="the way to the field, as names and indexes with dots")
    detail: str
    code: str


class ProblemDocument(BaseModel):
    """What every refusal and fault looks like (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="stable, snake_case")
    errors: list[FieldProblem] | None = None
    help: str | None = Field(None, description="what would let the request through")
    trace_id: str = Field(description="as in X-Request-Id")


def problem_of(error: Exception) -> Problem:  # noqa: PLR0911 - one line a kind
    """What ``error`` is to a client. An error of no known kind is a fault of ours: 500."""
    match error:
        case Problem():
            return error
        case InvalidField():
            wrong = FieldError("body", error.path, error.detail, error.code)
            return Problem(422, error.code, error.detail, errors=[wrong], help=error.help)
        case InventoryUnavailable():
            after = {"Retry-After": str(error.retry_after_s)}
            return Problem(503, error.code, error.detail, help=error.help, headers=after)
        case Refused():
            return Problem(_status_of(error), error.code, error.detail, help=error.help)
        case InfrastructureError():
            return _of_machinery(error)
        case RequestValidationError():
            return _of_fields(error.errors())
        case HTTPException():
            return _of_http(error)
        case _:
            return Problem(500, "internal_error", "Something went wrong on our side.", help=_REPORT)


def response_of(problem: Problem, trace_id: str) -> Response:
    """The problem as a response."""
    document: dict[str, Any] = {
        "type": f"urn:quartermaster:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "trace_id": trace_id,
    }
    if problem.errors:
        document["errors"] = [wrong.as_dict() for wrong in problem.errors]
    if problem.help:
        document["help"] = problem.help
    return Response(
        orjson.dumps(document),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def install(app: FastAPI) -> None:
    """Answer every refusal that a route of ``app`` raises with a problem document."""
    for kind in (Problem, Refused, InfrastructureError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may answer with problems of these statuses."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }


async def _answer(request: Request, error: Exception) -> Response:
    return response_of(problem_of(error), request.state.request_id)


def _status_of(error: Refused) -> int:
    match error:
        case NotFound():
            return 404
        case Forbidden():
            return 403
        case VersionMismatch():
            return 412
        case _:
            return 409


def _of_machinery(error: InfrastructureError) -> Problem:
    after = error.wait_s if isinstance(error, TooManyTries) else error.retry_after
    headers = {} if after is None else {"Retry-After": str(after)}
    match error:
        case IdempotencyKeyReused():
            status = 422
        case TooManyTries():
            status = 429
        case CommandInFlight():
            status = 409
        case _:
            status = 500 if after is None else 503
    return Problem(status, error.code, error.detail, help=error.help, headers=headers)


def _of_fields(errors: Sequence[Any]) -> Problem:
    wrong = [
        FieldError(str(error["loc"][0]), tuple(error["loc"][1:]), error["msg"], error["type"])
        for error in errors[:ERRORS_LIMIT]
    ]
    return Problem(422, "invalid_fields", "Some fields cannot be accepted.", errors=wrong)


def _of_http(error: HTTPException) -> Problem:
    code = _HTTP_CODES.get(error.status_code, "refused")
    detail = error.detail if isinstance(error.detail, str) else code
    return Problem(error.status_code, code, detail, headers=error.headers)
