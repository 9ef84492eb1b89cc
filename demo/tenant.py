"""A small tenant to look around in, made through the real command API.

Every command carries a fixed idempotency key, so loading it again changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

TENANT: Final = "Demo Makerspace"
PROJECT: Final = "Electronics lab"
ADMINISTRATOR: Final = "demo-admin"
_ROLES: Final = {
    "demo-requester": "requester",
    "demo-approver": "approver",
    "demo-technician": "technician",
}
DEMO_USERS: Final = (ADMINISTRATOR, *_ROLES)
_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class DemoInventory:
    """The Snipe-IT that the demo tenant is connected to."""

    base_url: str
    token_source: str
    status_labels: Mapping[str, int]


class DemoChanged(Exception):
    """The system is not as the demo left it; the message says what is different."""


class DemoFailed(Exception):
    """The system does not do what it is asked; the message says how."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's project, and the password of its users."""

    project_id: str
    password: str


def email_of(name: str) -> str:
    """The address of a demo user: in the demo's inventory they have the same."""
    return f"{name}@example.org"


async def load_demo(origin: str, password: str, inventory: DemoInventory | None = None) -> Demo:
    """Have the demo tenant at ``origin``, its users with ``password``, its inventory connected.

    Raises ``DemoChanged`` and ``DemoFailed``.
    """
    async with httpx.AsyncClient(
        base_url=f"{origin}/api/v1", timeout=_TIMEOUT_S, trust_env=False
    ) as client:
        try:
            client.headers["Authorization"] = f"Bearer {await _administrator(client, password)}"
            project_id = await _load(client, password)
            if inventory is not None:
                await _connect(client, inventory)
            return Demo(project_id, password)
        except httpx.TransportError as error:
            raise DemoFailed(f"{origin} does not answer ({type(error).__name__})") from error


async def _administrator(client: httpx.AsyncClient, password: str) -> str:
    answer = await client.post("/me/signin", data={"username": ADMINISTRATOR, "password": password})
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        answer = await client.post(
            "/me/signup", json={**_user(ADMINISTRATOR, password), "tenant_name": TENANT}
        )
    return str(_body(answer, f"{ADMINISTRATOR} cannot sign in")["access_token"])


async def _load(client: httpx.AsyncClient, password: str) -> str:
    members = {
        name: await _create(client, "/users", {**_user(name, password), "roles": [role]}, name)
        for name, role in _ROLES.items()
    }
    project = {"name": PROJECT, "description": "Benches, tools and parts of the lab"}
    project_id = await _create(client, "/projects", project, "project")
    for name, user_id in members.items():
        body = {"user_id": user_id, "role": "member"}
        await _create(client, f"/projects/{project_id}/members", body, f"member-{name}")
    policy = {
        "name": "Lab approval",
        "steps": [{"name": "Lab lead", "permission": "requisitions:approve"}],
        "applies": {"project_id": project_id},
    }
    await _create(client, "/approval-policies", policy, "policy")
    return project_id


async def _connect(client: httpx.AsyncClient, inventory: DemoInventory) -> None:
    """Connect the inventory, unless somebody has connected another one."""
    path = "/inventory/connection"
    found = await client.get(path)
    if found.status_code != HTTPStatus.NOT_FOUND:
        present = _body(found, "the connection to the inventory cannot be read")
        if present["token_source"] != inventory.token_source:
            return
    body = {
        "base_url": inventory.base_url,
        "token_source": inventory.token_source,
        "status_labels": inventory.status_labels,
        # It is the demo's wherever it listens today.
        "moved": True,
    }
    _body(await client.put(path, json=body), "the inventory cannot be connected")


async def _create(client: httpx.AsyncClient, path: str, body: Mapping[str, Any], what: str) -> str:
    answer = await client.post(path, json=body, headers={"Idempotency-Key": f"demo-{what}"})
    return str(_body(answer, f"{what} cannot be made")["id"])


def _user(name: str, password: str) -> dict[str, str]:
    return {"username": name, "email": email_of(name), "password": password}


def _body(answer: httpx.Response, trouble: str) -> Mapping[str, Any]:
    if answer.is_server_error:
        raise DemoFailed(f"{trouble}: {answer.status_code} {answer.text[:300]}")
    if not answer.is_success:
        raise DemoChanged(f"{trouble}: {answer.status_code} {answer.text[:300]}")
    body: Mapping[str, Any] = answer.json()
    return body
