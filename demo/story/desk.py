"""The running system as the story sees it: people who ask for things at one origin."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import httpx

from demo.tenant import DEMO_USERS

_TIMEOUT_S: Final = 40.0
_VISIBLE_WITHIN_S: Final = 30


class StoryStopped(Exception):
    """The story cannot go on; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked by whom, and what came back."""

    who: str
    method: str
    path: str
    asked: Mapping[str, Any] | None
    status: int
    body: Mapping[str, Any]
    retry_after: str | None
    location: str | None

    @property
    def id(self) -> str:
        """What the receipt is of."""
        return str(self.body["id"])

    @property
    def made(self) -> str:
        """What its ``Location`` names, where that is not what the receipt is of."""
        return str(self.location).rpartition("/")[2]

    @property
    def code(self) -> str:
        """The stable code of a refusal."""
        return str(self.body.get("code", ""))


class Desk:
    """The demo's people, signed in, and the HTTP connection that they share."""

    def __init__(self, origin: str, password: str) -> None:
        self._origin = origin
        self._password = password
        self._http = httpx.AsyncClient(
            base_url=f"{origin}/api/v1", timeout=_TIMEOUT_S, trust_env=False
        )
        self._tokens: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.tenant_id = ""
        self._position = 0

    async def __aenter__(self) -> Self:
        try:
            for name in DEMO_USERS:
                await self._sign_in(name)
        except BaseException:
            await self._http.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def ask(
        self, who: str, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Give a command; the answer as it came. Raises ``StoryStopped`` where none comes."""
        answer = await self._send(method, path, json={} if body is None else body, who=who)
        told = _json(answer)
        if answer.is_success:
            self._position = max(self._position, int(told["position"]))
        return Answer(
            who=who,
            method=method,
            path=path,
            asked=body,
            status=answer.status_code,
            body=told,
            retry_after=answer.headers.get("Retry-After"),
            location=answer.headers.get("Location"),
        )

    async def read(self, who: str, path: str, **query: str) -> Mapping[str, Any]:
        """What a GET shows, with all that was asked here so far. Raises ``StoryStopped``."""
        headers = {"Min-Position": str(self._position), "Prefer": f"wait={_VISIBLE_WITHIN_S}"}
        answer = await self._send("GET", path, params=query or None, headers=headers, who=who)
        body = _json(answer)
        if not answer.is_success:
            raise StoryStopped(f"GET {path} is answered {answer.status_code} {body}")
        return body

    async def _sign_in(self, name: str) -> None:
        form = {"username": name, "password": self._password}
        answer = await self._send("POST", "/me/signin", data=form)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise StoryStopped(
                f"{self._origin} is not the demo of this data folder: {name} cannot sign in there;"
                " give QM_DATA and QM_PORT as `make up` has them"
            )
        body = _json(answer)
        if not answer.is_success or "access_token" not in body:
            raise StoryStopped(
                f"{self._origin} is not the demo: it answers a sign-in {answer.status_code}"
            )
        self._tokens[name] = str(body["access_token"])
        self.ids[name] = str(body["user"]["id"])
        self.tenant_id = str(body["tenant"]["id"])

    async def _send(
        self, method: str, path: str, *, who: str | None = None, **request: Any
    ) -> httpx.Response:
        headers = {**request.pop("headers", {})}
        if who is not None:
            headers["Authorization"] = f"Bearer {self._tokens[who]}"
        try:
            return await self._http.request(method, path, headers=headers, **request)
        except httpx.TransportError as error:
            raise StoryStopped(
                f"{self._origin} does not answer ({type(error).__name__}). Start the system with"
                " `make up`, and give QM_PORT if it is not 8000."
            ) from None


def _json(answer: httpx.Response) -> Mapping[str, Any]:
    if "json" not in answer.headers.get("Content-Type", ""):
        return {"detail": answer.text[:200]}
    body: Mapping[str, Any] = answer.json()
    return body
