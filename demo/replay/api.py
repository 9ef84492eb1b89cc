"""The running system as the replay sees it: one HTTP origin, asked again until it answers."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

import httpx

_AGAIN = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_SUCCESS = range(200, 300)
_CALL_TIMEOUT_S = 40.0
_LONGEST_PAUSE_S = 2.0


class ReplayStopped(Exception):
    """The replay cannot go on; the message says why and what would help."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its JSON, and whether it is a repeat of an earlier one."""

    status: int
    body: Mapping[str, Any]
    replayed: bool = False

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return self.status in _SUCCESS

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        return str(self.body.get("code", ""))


class Api:
    """A keep-alive HTTP client that repeats what may be repeated.

    Every command carries an idempotency key, so one whose answer was lost can be sent again.
    ``patience_s`` is how long one request may go unanswered before the replay stops.
    """

    def __init__(self, origin: str, *, patience_s: float = 60.0) -> None:
        self._patience_s = patience_s
        self._origin = origin
        self._clients: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()

    async def reach(self) -> None:
        """Raise ``ReplayStopped`` at once where nobody answers."""
        try:
            await self._send("GET", "/me")
        except httpx.TransportError as error:
            raise ReplayStopped(
                f"{self._origin} cannot be reached ({type(error).__name__}). Start the system with"
                " `make up`, and give QM_PORT if it is not 8000."
            ) from None

    async def command(
        self,
        method: str,
        path: str,
        *,
        token: str,
        key: str,
        body: Mapping[str, Any],
        version: int | None = None,
    ) -> Reply:
        """Send a command under idempotency key ``key``; ``version`` becomes If-Match."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self._answered(method, path, headers=headers, json=body)

    async def read(
        self,
        path: str,
        *,
        token: str,
        position: int,
        params: Mapping[str, str | int] | None = None,
    ) -> Reply:
        """Read from the query API once it has reached ``position``."""
        headers = {
            "Authorization": f"Bearer {token}",
            "Min-Position": str(position),
            "Prefer": "wait=30",
        }
        return await self._answered("GET", path, headers=headers, params=params)

    async def sign_up(self, body: Mapping[str, str]) -> Reply:
        """Register a user with a tenant of their own."""
        return await self._answered("POST", "/me/signup", json=body)

    async def sign_in(self, username: str, password: str) -> Reply:
        """Open a session."""
        form = {"username": username, "password": password}
        return await self._answered("POST", "/me/signin", data=form)

    async def _answered(self, method: str, path: str, **request: Any) -> Reply:
        deadline = time.monotonic() + self._patience_s
        while True:
            pause = _LONGEST_PAUSE_S
            try:
                response = await self._send(method, path, **request)
            except httpx.TransportError as error:
                trouble = f"{type(error).__name__} {error}".strip()
            else:
                reply = _reply(response)
                if not _ask_again(reply):
                    return reply
                trouble = f"{reply.status} {reply.code}"
                pause = min(float(response.headers.get("Retry-After", pause)), pause)
            if time.monotonic() + pause > deadline:
                raise ReplayStopped(
                    f"{self._origin} gave no answer to {method} {path} within"
                    f" {self._patience_s:.0f} s ({trouble}). Is `make up` running there?"
                    " What was done is kept: run the replay again to go on."
                )
            await asyncio.sleep(pause * random.uniform(0.1, 1))  # noqa: S311 - no secret

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        # A client for each connection: one that has many looks at all of them for every request.
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            return await client.request(method, path, **request)
        finally:
            self._idle.append(client)

    def _new_client(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            base_url=f"{self._origin}/api/v1",
            timeout=_CALL_TIMEOUT_S,
            limits=httpx.Limits(max_connections=1),
            trust_env=False,
        )
        self._clients.append(client)
        return client


def _reply(response: httpx.Response) -> Reply:
    if "json" not in response.headers.get("Content-Type", ""):
        return Reply(response.status_code, {"code": response.text[:200]})
    replayed = response.headers.get("Idempotency-Replayed") == "true"
    return Reply(response.status_code, response.json(), replayed)


def _ask_again(reply: Reply) -> bool:
    in_flight = reply.status == HTTPStatus.CONFLICT and reply.code == "command_in_flight"
    return in_flight or reply.status in _AGAIN
