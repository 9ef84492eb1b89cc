"""One HTTP call to Snipe-IT: what is sent, how long it may take, what it ended in."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Protocol, Self

import httpx

from infrastructure.snipe_it.answers import Answer, Phase, Throttled, classify
from infrastructure.snipe_it.budget import Budget
from infrastructure.snipe_it.settings import Connection

AGENT = "Quartermaster/1"
LIMITS = httpx.Limits(max_connections=20, keepalive_expiry=2.0)
"""Idle connections end sooner than servers end theirs, so that no write is sent into one that
is just being closed and becomes ambiguous for nothing."""
_SENDING = "send_request_headers.started"


Check = Callable[[], None]
"""Raises where a call must no longer be made."""


def _always() -> None:
    return


@dataclass(frozen=True, slots=True)
class Call:
    """A request below ``/api/v1``. A write names the operation that it is part of."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    operation_id: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Sender(Protocol):
    """Sends calls, one by one."""

    async def send(self, call: Call) -> Answer:
        """Make one call and say what it ended in."""
        ...


class Transport:
    """Sends calls over one connection. Never repeats one and never follows a redirect."""

    def __init__(
        self,
        connection: Connection,
        *,
        budget: Budget | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = connection
        self._budget = budget or Budget(connection.calls_per_minute)
        deadlines = connection.deadlines
        network = inner or httpx.AsyncHTTPTransport(
            verify=_authorities(connection), trust_env=False, limits=LIMITS
        )
        self._http = httpx.AsyncClient(
            base_url=connection.base_url,
            follow_redirects=False,
            # The environment must not add a proxy, or a .netrc another Authorization.
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(deadlines.read, connect=deadlines.connect),
            transport=network,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def send(self, call: Call, check: Check = _always) -> Answer:
        """Make one call and say what it ended in, within the deadlines.

        Answers Throttled without sending where the rate limit would not let the call
        through in time. ``check`` is asked as late as possible, when a connection is there and
        the next thing is that the request leaves; what it raises is raised, and nothing was
        sent. Apart from that, raises nothing but cancellation.
        """
        wait = await self._budget.take(self._connection.deadlines.queue)
        if wait > 0:
            return Throttled(wait)
        check()
        answer = await self._exchange("/api/v1" + call.path, call, check)
        if isinstance(answer, Throttled):
            return Throttled(self._budget.close(answer.retry_after_s))
        return answer

    async def health(self) -> Answer:
        """``GET /health``: outside the API, without a token and without a rate limit."""
        call = Call("GET", "/health")
        return await self._exchange("/health", call)

    async def _exchange(self, url: str, call: Call, check: Check = _always) -> Answer:
        progress = _Progress(check)
        try:
            async with asyncio.timeout(self._connection.deadlines.total):
                response = await self._http.request(
                    call.method,
                    url,
                    params=call.params or None,
                    content=None if call.body is None else json.dumps(call.body),
                    headers=self._headers(url, call),
                    extensions={"trace": progress.note},
                )
        except (httpx.HTTPError, TimeoutError):
            return classify(call.method, None, {}, b"", progress.phase)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._budget.learn(headers)
        return classify(
            call.method, response.status_code, headers, response.content, Phase.ANSWERED
        )

    def _headers(self, url: str, call: Call) -> dict[str, str]:
        """Exactly what the server needs to answer JSON and to log a write as made by the API."""
        headers = {"Accept": "application/json", "User-Agent": AGENT}
        if call.operation_id is not None:
            headers["User-Agent"] = f"{AGENT} {call.operation_id}"
        if call.method != "GET":
            headers["Content-Type"] = "application/json"
        if url != "/health":
            token = self._connection.token.get_secret_value()
            headers["Authorization"] = f"Bearer {token}"
        return headers


class Guarded:
    """Sends over a transport what may still be sent when its turn has come.

    ``prepare`` is awaited before each call, ``check`` asked when the call is about to leave.
    """

    def __init__(
        self, transport: Transport, prepare: Callable[[], Awaitable[None]], check: Check
    ) -> None:
        self._transport = transport
        self._prepare = prepare
        self._check = check

    async def send(self, call: Call) -> Answer:
        """As ``Transport.send``; raises what ``prepare`` and ``check`` raise."""
        await self._prepare()
        return await self._transport.send(call, self._check)


class _Progress:
    """Learns from the HTTP library whether any of a request was sent."""

    def __init__(self, check: Check) -> None:
        self.phase = Phase.NOT_SENT
        self._check = check

    async def note(self, event: str, _: Mapping[str, Any]) -> None:
        if event.endswith(_SENDING):
            self._check()
            self.phase = Phase.SENT


def _authorities(connection: Connection) -> ssl.SSLContext:
    if connection.ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    return ssl.create_default_context(cafile=str(connection.ca_file))
