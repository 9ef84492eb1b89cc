"""The system as it runs: its own processes, reached over HTTP alone."""

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from domain.inventory.servers import EVERY_TENANT
from infrastructure.embedded.machine import free_port
from tests.fixtures.loaded import Loaded
from tests.fixtures.postgres import ROLES, Database

ROOT: Final = Path(__file__).parent.parent.parent
PASSWORD: Final = "kettle and spoon"
READY_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 15.0
VISIBLE_WITHIN_S: Final = 20
INVENTORY_URL: Final = "http://127.0.0.1:8091"
"""Where a tenant's inventory may be; nothing answers there unless a test sees to it."""


class NotReady(AssertionError):
    """A process ended, or did not answer in time."""


@dataclass(frozen=True)
class Live:
    """Two APIs on ports of their own, with everything behind them running.

    ``http`` is shared: a client of its own for each request would spend most of its time on TLS
    that nobody uses here.
    """

    commands: str
    queries: str
    http: httpx.Client


@dataclass(frozen=True)
class Person:
    """A user with a live token, as a client that talks to both APIs."""

    id: str
    username: str
    token: str
    live: Live

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def command(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        """Ask for a change; the answer as it came."""
        return self.live.http.request(
            method,
            f"{self.live.commands}/api/v1{path}",
            json=body,
            headers={**self.headers, **headers},
            timeout=30,
        )

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The receipt of a POST that must succeed."""
        answer = self.command("POST", path, {} if body is None else body)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        receipt: dict[str, Any] = answer.json()
        return receipt

    def get(self, path: str, *, position: int = 0, **query: str) -> dict[str, Any]:
        """What a GET shows once the read tables have reached ``position``."""
        answer = self.live.http.get(
            f"{self.live.queries}/api/v1{path}",
            params=query,
            headers={
                **self.headers,
                "Min-Position": str(position),
                "Prefer": f"wait={VISIBLE_WITHIN_S}",
            },
            timeout=VISIBLE_WITHIN_S + 10,
        )
        assert answer.status_code == httpx.codes.OK, f"GET {path}: {answer.text}"
        shown: dict[str, Any] = answer.json()
        return shown


def environment_of(database: Database, **more: str) -> dict[str, str]:
    """What the processes are told, for a database of a test."""
    urls = {f"QM_{role.upper()}_DATABASE_URL": database.url(role) for role in ROLES}
    return {
        **urls,
        "QM_SECRET_KEY": secrets.token_urlsafe(32),
        "QM_SNIPE_IT_ALLOWED_URLS": f"{INVENTORY_URL} {EVERY_TENANT}",
        "QM_SIGN_UPS_PER_HOUR": "1000000",
        **more,
    }


@contextlib.contextmanager
def process(words: Sequence[str], environment: Mapping[str, str]) -> Iterator[Loaded]:
    """``quartermaster <words>`` until the block ends."""
    running = Loaded(words, {**os.environ, **environment})
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(STOP_WITHIN_S)


@contextlib.contextmanager
def live_system(environment: Mapping[str, str]) -> Iterator[Live]:
    """Every process: with the relay where ``QM_AMQP_URL`` is given, else over LISTEN."""
    workers = ["projector", "timers", *(["relay"] if "QM_AMQP_URL" in environment else [])]
    with contextlib.ExitStack() as exits:
        for worker in workers:
            exits.enter_context(process([worker], environment))
        origins = {}
        for side in ("command", "query"):
            port = free_port()
            api = exits.enter_context(process(["api", side, "--port", str(port)], environment))
            origins[side] = f"http://127.0.0.1:{port}"
            wait_until_ready(api, origins[side])
        http = exits.enter_context(httpx.Client(trust_env=False))
        yield Live(origins["command"], origins["query"], http)


def wait_until_ready(running: Loaded, origin: str) -> None:
    """Return once the API at ``origin`` is ready. Raises ``NotReady``."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if running.poll() is not None:
            raise NotReady(f"{origin}: the process ended with {running.returncode}")
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"{origin}/health/ready", timeout=2, trust_env=False)
            if answer.status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise NotReady(f"{origin} was not ready within {READY_WITHIN_S:.0f} s")


def sign_up(live: Live, username: str, tenant_name: str) -> Person:
    """A new tenant's administrator."""
    answer = live.http.post(
        f"{live.commands}/api/v1/me/signup",
        json={
            "username": username,
            "email": f"{username}@lab.example",
            "password": PASSWORD,
            "tenant_name": tenant_name,
        },
        timeout=30,
    )
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return _person(live, answer.json())


def sign_in(live: Live, login: str) -> Person:
    """A known user with a fresh token; ``login`` is the user name or the e-mail address."""
    answer = live.http.post(
        f"{live.commands}/api/v1/me/signin",
        data={"username": login, "password": PASSWORD},
        timeout=30,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    return _person(live, answer.json())


def add_user(admin: Person, username: str, *roles: str) -> Person:
    """A new member of the administrator's tenant, signed in."""
    admin.post(
        "/users",
        {
            "username": username,
            "email": f"{username}@lab.example",
            "password": PASSWORD,
            "roles": list(roles),
        },
    )
    return sign_in(admin.live, username)


def _person(live: Live, signed_in: dict[str, Any]) -> Person:
    user = signed_in["user"]
    return Person(user["id"], user["username"], signed_in["access_token"], live)
