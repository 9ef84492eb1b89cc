"""The tenant that a replay works in: its users, roles, projects and policies.

Everything is created under fixed idempotency keys, so a second run finds what the first made.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from demo.replay.api import Api, ReplayStopped, Reply
from demo.replay.data_file import STEP_ROLES
from demo.replay.mapping import (
    EMPLOYEE,
    TECHNICIAN,
    CasePlan,
    Steps,
    permission_of,
    policies_of,
    slug,
)
from infrastructure.embedded.machine import kept_secret, private_folder

TENANT_NAME = "Replay of real requests"
ADMINISTRATOR = "replay-admin"
PASSWORD_FILE = "replay-password"  # noqa: S105 - the name of a file


@dataclass(frozen=True, slots=True)
class Crew:
    """Who acts in the replay and on what: tokens by actor, ids by project and by steps.

    ``position`` is that of the last event of the preparation.
    """

    administrator: str
    tokens: Mapping[str, str]
    projects: Mapping[str, str]
    policies: Mapping[Steps, str]
    position: int


def password_in(folder: Path) -> str:
    """The password of the replay's users: made once, kept in ``folder`` for its owner alone."""
    return kept_secret(private_folder(folder) / PASSWORD_FILE)


async def prepare(api: Api, plans: Sequence[CasePlan], password: str) -> Crew:
    """Make sure that all that the plans need is there; raises ``ReplayStopped`` if it cannot be."""
    return await _Preparation(api, password, await _administrator(api, password)).crew(plans)


async def _administrator(api: Api, password: str) -> str:
    reply = await api.sign_in(ADMINISTRATOR, password)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        reply = await api.sign_up(
            {
                "username": ADMINISTRATOR,
                "email": f"{ADMINISTRATOR}@example.org",
                "password": password,
                "tenant_name": TENANT_NAME,
            }
        )
    if reply.status == HTTPStatus.CONFLICT:
        raise ReplayStopped(
            f"A user {ADMINISTRATOR} exists already and has another password than the one kept"
            f" in {PASSWORD_FILE} of the data folder. Give the folder of the first run (QM_DATA)."
        )
    return _token(reply)


class _Preparation:
    """The steps of the preparation, given by the tenant's administrator."""

    def __init__(self, api: Api, password: str, token: str) -> None:
        self._api = api
        self._password = password
        self._token = token
        self._position = 0

    async def crew(self, plans: Sequence[CasePlan]) -> Crew:
        for role in STEP_ROLES:
            body = {"name": f"replay-{slug(role)}", "permissions": [permission_of(role)]}
            await self._give("POST", "/roles", body)
        step_roles = [f"replay-{slug(role)}" for role in STEP_ROLES]
        users = {
            EMPLOYEE: await self._user(EMPLOYEE, ["requester"]),
            TECHNICIAN: await self._user(TECHNICIAN, ["technician", *step_roles]),
        }
        for role in STEP_ROLES:
            users[slug(role)] = await self._user(slug(role), ["requester", f"replay-{slug(role)}"])
        projects = {
            name: await self._project(name, users[EMPLOYEE])
            for name in sorted({plan.project for plan in plans})
        }
        policies = {steps: await self._policy(steps) for steps in policies_of(plans)}
        return Crew(
            administrator=self._token,
            tokens={actor: await self._sign_in(actor) for actor in users},
            projects=projects,
            policies=policies,
            position=self._position,
        )

    async def _user(self, actor: str, roles: list[str]) -> str:
        username = f"replay-{actor}"
        made = {"username": username, "email": f"{username}@example.org", "roles": ["requester"]}
        user = await self._give("POST", "/users", {**made, "password": self._password})
        await self._give("PUT", f"/users/{user}/roles", {"roles": roles})
        return user

    async def _project(self, name: str, employee: str) -> str:
        project = await self._give("POST", "/projects", {"name": name})
        member = {"user_id": employee, "role": "member"}
        await self._give("POST", f"/projects/{project}/members", member)
        return project

    async def _policy(self, steps: Steps) -> str:
        named = [{"name": role, "permission": permission_of(role)} for role in steps]
        body = {"name": " then ".join(steps), "steps": named}
        return await self._give("POST", "/approval-policies", body)

    async def _give(self, method: str, path: str, body: Mapping[str, Any]) -> str:
        content = json.dumps([method, path, body], sort_keys=True).encode()
        key = f"replay-{hashlib.sha256(content).hexdigest()[:32]}"
        reply = await self._api.command(method, path, token=self._token, key=key, body=body)
        _demand(reply, f"{method} {path}")
        self._position = max(self._position, reply.body["position"])
        return str(reply.body["id"])

    async def _sign_in(self, actor: str) -> str:
        return _token(await self._api.sign_in(f"replay-{actor}", self._password))


def _token(reply: Reply) -> str:
    _demand(reply, "signing in")
    return str(reply.body["access_token"])


def _demand(reply: Reply, what: str) -> None:
    if not reply.ok:
        detail = reply.body.get("detail", "")
        raise ReplayStopped(f"{what} was answered {reply.status} {reply.code}: {detail}")
