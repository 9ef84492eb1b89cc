"""The peer of the benchmark does the same job: a comparison with less would be worth nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.crud_peer.app import create_app
from bench.crud_peer.seed import seed
from bench.crud_peer.tables import Audit, IdempotencyKey
from bench.load import PASSWORD, PERMISSIONS
from tests.fixtures.postgres import Database

LINE = {"item": {"kind": "purchase", "description": "A box of screws"}, "quantity": 2}


@dataclass(frozen=True)
class Peer:
    """The peer with its cast signed in."""

    client: httpx.AsyncClient
    engine: AsyncEngine
    tokens: dict[str, str]
    project_id: str
    policy_id: str

    async def post(
        self, by: str, path: str, body: dict[str, Any], key: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[by]}"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.client.post(path, json=body, headers=headers)

    async def draft(self) -> tuple[str, str]:
        """The path of a new requisition with one line, and the line's id."""
        draft = {"project_id": self.project_id, "policy_id": self.policy_id, "purpose": "Screws"}
        made = await self.post("employee", "/requisitions", {**draft, "lines": []})
        assert made.status_code == 201, made.text
        path = f"/requisitions/{made.json()['id']}"
        added = await self.post("employee", f"{path}/lines", LINE)
        return path, added.json()["line_id"]

    async def count(self, table: type[Audit] | type[IdempotencyKey]) -> int:
        async with self.engine.connect() as connection:
            found: int | None = await connection.scalar(select(func.count()).select_from(table))
        return found or 0


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[Peer]:
    url = database.url("owner").replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)
    project_id, policy_id = await seed(engine)
    app = create_app(engine)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://peer") as client,
    ):
        tokens = {}
        for name in PERMISSIONS:
            form = {"username": name, "password": PASSWORD}
            answer = await client.post("/me/signin", data=form)
            tokens[name] = answer.json()["access_token"]
        yield Peer(client, engine, tokens, project_id, policy_id)


@pytest.fixture
async def peer(bare_database: Database) -> AsyncIterator[Peer]:
    async with running(bare_database) as it:
        yield it


async def test_a_requisition_goes_from_draft_to_hand_over_with_an_audit_row_for_each_step(
    peer: Peer,
) -> None:
    path, line_id = await peer.draft()
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("employee", f"{path}/submit", {}),
        ("approver", f"{path}/approve", {}),
        ("technician", f"{path}/approve", {}),
        ("technician", f"{path}/lines/{line_id}/fulfil", {"quantity": 2}),
    ]
    for by, step, body in steps:
        answer = await peer.post(by, step, body)
        assert answer.status_code == 200, answer.text
    assert await peer.count(Audit) == 2 + len(steps)
    again = await peer.post("technician", f"{path}/lines/{line_id}/fulfil", {"quantity": 1})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_the_rules_refuse_what_ours_refuse(peer: Peer) -> None:
    path, line_id = await peer.draft()
    early = await peer.post("approver", f"{path}/approve", {})
    assert early.json()["code"] == "wrong_state"
    await peer.post("employee", f"{path}/submit", {})
    refused: dict[str, tuple[str, str, dict[str, Any]]] = {
        "permission_missing": ("employee", f"{path}/lines/{line_id}/fulfil", {"quantity": 1}),
        "not_approver": ("employee", f"{path}/approve", {}),
        "not_requester": ("approver", f"{path}/lines", LINE),
    }
    for code, (by, step, body) in refused.items():
        answer = await peer.post(by, step, body)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_repeated_key_has_one_effect_and_one_answer(peer: Peer) -> None:
    path, _ = await peer.draft()
    first = await peer.post("employee", f"{path}/submit", {}, key="once")
    audited = await peer.count(Audit)
    second = await peer.post("employee", f"{path}/submit", {}, key="once")
    assert second.json() == first.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert await peer.count(Audit) == audited
    assert await peer.count(IdempotencyKey) == 1
    other = await peer.post("employee", f"{path}/lines", LINE, key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nobody_without_a_token_is_let_in(peer: Peer) -> None:
    answer = await peer.client.post("/requisitions", json={"project_id": peer.project_id})
    assert answer.status_code in (401, 422)
    headers = {"Authorization": "Bearer wrong"}
    draft = {"project_id": peer.project_id, "purpose": "Screws"}
    answer = await peer.client.post("/requisitions", json=draft, headers=headers)
    assert answer.status_code == 401
