"""One route, several ways to write it: without the prefix, with a slash at the end."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX: Final = "/api/v1"
_ROOT: Final = ("/health", "/docs", "/openapi.json")


class Paths:
    """Rewrites a path to the one that is routed. Nothing is redirected, so no body is lost."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request under its full path."""
        if scope["type"] == "http":
            scope["path"] = full_path(scope["path"])
        await self._app(scope, receive, send)


def full_path(path: str) -> str:
    """The routed form of a path."""
    trimmed = path.rstrip("/") or "/"
    if _is_under(trimmed, PREFIX) or any(_is_under(trimmed, root) for root in _ROOT):
        return trimmed
    return PREFIX + trimmed


def _is_under(path: str, root: str) -> bool:
    return path == root or path.startswith(root + "/")
