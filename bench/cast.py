"""Those who act in a benchmark of ours: made over HTTP, as anybody would."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bench.load import PASSWORD, PERMISSIONS, STEPS, Job

_ROLES: Final = {"employee": "requester", "approver": "approver", "technician": "technician"}


@dataclass(frozen=True, slots=True)
class Cast:
    """Tokens by member, and what they work on. ``members`` are their ids."""

    tokens: Mapping[str, str]
    project_id: str
    policy_id: str
    tenant_id: str
    admin_token: str
    members: Mapping[str, str]


def make_cast(port: int, tenant: str) -> Cast:
    """A tenant with its members, a project and a policy, at the command API on ``port``."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, trust_env=False
    ) as client:
        admin = f"{tenant}-admin"
        signed_up = _post(client, "/me/signup", _user(admin, tenant_name=tenant))
        client.headers["Authorization"] = f"Bearer {signed_up['access_token']}"
        project_id = _post(client, "/projects", {"name": "Bench"})["id"]
        policy = _post(client, "/approval-policies", {"name": "Two steps", "steps": STEPS})
        members = {}
        for name in PERMISSIONS:
            user = _post(client, "/users", _user(f"{tenant}-{name}", roles=[_ROLES[name]]))
            members[name] = user["id"]
            member = {"user_id": user["id"], "role": "member"}
            _post(client, f"/projects/{project_id}/members", member)
        tokens = {name: _token(client, f"{tenant}-{name}") for name in PERMISSIONS}
    return Cast(
        tokens,
        project_id,
        policy["id"],
        tenant_id=signed_up["tenant"]["id"],
        admin_token=signed_up["access_token"],
        members=members,
    )


def job_for(cast: Cast, port: int, *, clients: int, warm_up_s: float, seconds: float) -> Job:
    """What a cast asks of our command API at ``port``, as fast as it answers."""
    return Job(
        port=port,
        prefix="/api/v1",
        tokens=cast.tokens,
        project_id=cast.project_id,
        policy_id=cast.policy_id,
        clients=clients,
        warm_up_s=warm_up_s,
        seconds=seconds,
    )


def sign_in_at_once(port: int, tenant: str, times: int) -> None:
    """Let a member of that tenant sign in so many times, all at once."""
    with (
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, trust_env=False
        ) as client,
        ThreadPoolExecutor(times) as threads,
    ):
        tries = [threads.submit(_token, client, f"{tenant}-employee") for _ in range(times)]
        for one in tries:
            one.result()


def _user(name: str, **more: object) -> dict[str, object]:
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD, **more}


def _post(client: httpx.Client, path: str, body: Mapping[str, object]) -> dict[str, Any]:
    answer = client.post(path, json=body)
    if not answer.is_success:
        raise RuntimeError(f"POST {path}: {answer.status_code} {answer.text[:500]}")
    content: dict[str, Any] = answer.json()
    return content


def _token(client: httpx.Client, name: str) -> str:
    answer = client.post("/me/signin", data={"username": name, "password": PASSWORD})
    return str(answer.raise_for_status().json()["access_token"])
