"""``/health/live`` (the process answers) and ``/health/ready`` (its parts do, each by name)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel

Check = Callable[[], Awaitable[None]]

DEADLINE_S: Final = 2.0


class Health(BaseModel):
    """``parts`` names each part that was asked, with ``ok`` or what is wrong."""

    status: str
    parts: dict[str, str]


def health_routes(checks: Callable[[], Mapping[str, Check]]) -> APIRouter:
    """The two routes. ``checks`` is asked on each request; a check raises when its part is down."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", operation_id="health_live")
    async def live() -> Health:
        """Whether the process answers."""
        return Health(status="ok", parts={})

    @router.get(
        "/ready",
        operation_id="health_ready",
        response_model=Health,
        responses={503: {"model": Health, "description": "A part is not ready."}},
    )
    async def ready() -> Response:
        """Whether every part is ready, and which is not."""
        return readiness(await states(checks()))

    return router


async def states(checks: Mapping[str, Check]) -> dict[str, str]:
    """``ok`` or what is wrong, by part. All are asked at once."""
    found = await asyncio.gather(*(_state(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


def readiness(parts: Mapping[str, str]) -> Response:
    """The answer of ``/health/ready``: 503 if any part is not ``ok``."""
    good = all(state == "ok" for state in parts.values())
    return Response(
        orjson.dumps({"status": "ok" if good else "not_ready", "parts": parts}),
        status_code=200 if good else 503,
        headers={} if good else {"Retry-After": "1"},
        media_type="application/json",
    )


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(DEADLINE_S):
            await check()
    except Exception as error:  # noqa: BLE001 - any fault of a part is what this route reports
        return type(error).__name__
    return "ok"
