"""What surrounds every request: its id, the security headers, HEAD, faults, and its measure."""

import logging
import re
import time
from secrets import token_hex
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infrastructure.http.metrics import REQUESTS, SECONDS
from infrastructure.http.problems import problem_of, response_of

_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_SECURITY: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_POLICY: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HTTPS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

_log = logging.getLogger(__name__)


class RequestContext:
    """The outermost layer of both APIs.

    A client's own X-Request-Id is kept, as the correlation id of what the request does; else one
    is made. HEAD is answered as GET without the body. A fault becomes a plain 500, its traceback
    stays in the log.
    """

    def __init__(self, app: ASGIApp, *, api: str) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        # The server looks at its own scope for the method: a HEAD turned into GET there would
        # make it miss the body.
        scope = dict(scope)
        answer = _Answer(scope, send)
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:
            _log.exception("request %s failed", answer.request_id)
            if answer.status:
                raise
            await response_of(problem_of(error), answer.request_id)(scope, receive, answer.send)
        finally:
            self._measure(scope, answer.status, time.perf_counter() - began)

    def _measure(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", "none")
        REQUESTS.labels(self._api, scope["method"], path, str(status)).inc()
        SECONDS.labels(self._api, scope["method"], path).observe(seconds)


class _Answer:
    """The way out of one request."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = _request_id(scope)
        self.status = 0
        self._send = send
        self._https = scope.get("scheme") == "https"
        self._bare = scope["method"] == "HEAD"
        if self._bare:
            scope["method"] = "GET"
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        """Pass a message on, with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_ours(message.get("headers", ()))
        elif self._bare and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    def _with_ours(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name.lower() for name, _ in given}
        ours = [header for header in (*_SECURITY, _POLICY) if header[0] not in names]
        if self._https:
            ours.append(_HTTPS_ONLY)
        return [*given, (b"x-request-id", self.request_id.encode()), *ours]


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return str(value, "ascii") if _ID.fullmatch(value) else token_hex(16)
    return token_hex(16)
