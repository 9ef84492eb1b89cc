"""A tenant with everybody in it, made through the real command path, without the costly hashes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
from fastapi import FastAPI

from command_api.caller import membership_id
from command_api.me import SESSION_LASTS
from command_api.services import Services
from domain.identity import commands, handlers
from domain.ids import PLATFORM_TENANT, Id
from infrastructure.clock import utc_now
from infrastructure.event_store.commands import Envelope
from infrastructure.ids import new_id
from infrastructure.security import digest, new_token
from tests.fixtures.postgres import Database

PURCHASE: Final = {"item": {"kind": "purchase", "description": "Soldering station"}, "quantity": 3}


@dataclass(frozen=True)
class Person:
    """A user with a live token."""

    id: Id
    username: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Tenant:
    """A tenant with its administrator, and whoever else a test adds.

    ``database`` is there for what no command of a person puts into it.
    """

    app: FastAPI
    client: httpx.AsyncClient
    id: Id
    people: dict[str, Person] = field(default_factory=dict)
    database: Database | None = None

    def __getitem__(self, username: str) -> Person:
        return self.people[username]

    async def add(self, username: str, *roles: str) -> Person:
        """A member who holds these roles."""
        answer = await self.post(
            "admin",
            "/users",
            {
                "username": f"{username}-{self.id[-6:]}",
                "email": f"{username}@{self.id[-6:]}.example",
                "password": "kettle and spoon",
                "roles": list(roles),
            },
        )
        assert answer.status_code == 201, answer.text
        user_id = answer.json()["id"]
        token = await open_session(self.services, user_id, self.id)
        person = self.people[username] = Person(user_id, f"{username}-{self.id[-6:]}", token)
        return person

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    async def post(
        self,
        who: str,
        path: str,
        body: Any = None,
        *,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A request of one of the tenant's people."""
        return await self.client.request(
            method, path, json=body, headers={**self.people[who].headers, **(headers or {})}
        )

    async def project(self, *members: str, lead: str = "admin") -> Id:
        """A project with these members."""
        made = await self.post(lead, "/projects", {"name": "Robot arm"})
        assert made.status_code == 201, made.text
        project_id: Id = made.json()["id"]
        for member in members:
            body = {"user_id": self.people[member].id, "role": "member"}
            added = await self.post(lead, f"/projects/{project_id}/members", body)
            assert added.status_code == 200, added.text
        return project_id

    async def draft(self, project_id: Id, who: str = "requester", **fields: Any) -> Id:
        """A draft with one line."""
        body = {"project_id": project_id, "purpose": "Arm", "lines": [PURCHASE], **fields}
        made = await self.post(who, "/requisitions", body)
        assert made.status_code == 201, made.text
        requisition_id: Id = made.json()["id"]
        return requisition_id


async def sign_up(app: FastAPI, client: httpx.AsyncClient, name: str) -> Tenant:
    """A tenant of this name; its administrator is ``admin``."""
    services: Services = app.state.services
    user_id, tenant_id, token, at = new_id(), new_id(), new_token(), utc_now()
    username = f"admin-{tenant_id[-6:]}"
    command = commands.SignUp(
        user=commands.NewUser(
            user_id=user_id,
            username=username,
            email=f"admin@{tenant_id[-6:]}.example",
            password_hash="none",
        ),
        session=_session(token),
        tenant=commands.NewTenant(
            tenant_id=tenant_id, membership_id=membership_id(tenant_id, user_id), name=name
        ),
        at=at,
    )
    envelope = Envelope(tenant_id, user_id, "test")
    await services.commands.run(envelope, partial(handlers.sign_up, command))
    return Tenant(app, client, tenant_id, {"admin": Person(user_id, username, token)})


async def open_session(services: Services, user_id: Id, tenant_id: Id | None) -> str:
    """A live token of the user."""
    token, at = new_token(), utc_now()
    command = commands.OpenSession(
        session=_session(token), user_id=user_id, tenant_id=tenant_id, at=at
    )
    envelope = Envelope(tenant_id or PLATFORM_TENANT, user_id, "test")
    await services.commands.run(envelope, partial(handlers.open_session, command))
    return token


def _session(token: str) -> commands.NewSession:
    return commands.NewSession(
        session_id=new_id(), token_sha256=digest(token), expires_at=utc_now() + SESSION_LASTS
    )
