"""A tenant that lends out what is in its Snipe-IT: connected, mirrored, with somebody to lend to."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from bench.cast import Cast
from bench.snipe_it import HOLDER, TOKEN, Inventory
from bench.stack import Stack
from domain.ids import Id, inventory_id
from domain.inventory.servers import EVERY_TENANT

CALLS_PER_MINUTE: Final = 6000
"""As many as the setting allows, where 50 is its default: that would be measured, not us."""

LIFTED: Final = f"rate budget lifted to {CALLS_PER_MINUTE:,} calls/min"
_TOKEN_PLACE: Final = "QM_SNIPE_IT_TOKEN_BENCH"  # noqa: S105 - a place, not a token


@dataclass(frozen=True, slots=True)
class Lender:
    """Those who lend at the command API, and what they lend."""

    cast: Cast
    api: httpx.Client

    @property
    def custodian_id(self) -> Id:
        """The member who stands for the holder over there."""
        return self.cast.members["employee"]

    def id_of(self, kind: str, number: int) -> Id:
        """Our id of a thing of the inventory."""
        return inventory_id(self.cast.tenant_id, kind, number)

    def link_holder(self) -> None:
        """Let the member stand for the holder, who must be in the mirror."""
        mapping = {"kind": "user", "external_id": HOLDER, "id": self.custodian_id}
        self.ask("admin", "POST", "/inventory/mappings", mapping)

    def ask(
        self, who: str, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> httpx.Response:
        """An answer of the command API that is not a refusal. Raises ``RuntimeError``."""
        token = self.cast.admin_token if who == "admin" else self.cast.tokens[who]
        answer = self.api.request(
            method, path, json=body or {}, headers={"Authorization": f"Bearer {token}"}
        )
        if not answer.is_success:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer


def environment_of(stack: Stack, inventory: Inventory) -> Mapping[str, str]:
    """A new log, for processes that may talk to the inventory."""
    return {
        **stack.new_log(),
        "QM_SNIPE_IT_ALLOWED_URLS": f"{inventory.base_url} env:{_TOKEN_PLACE} {EVERY_TENANT}",
        _TOKEN_PLACE: TOKEN,
        "QM_SNIPE_IT_CALLS_PER_MINUTE": str(CALLS_PER_MINUTE),
    }


@contextmanager
def lender_at(stack: Stack, port: int, inventory: Inventory) -> Iterator[Lender]:
    """A new tenant at the command API on ``port``, connected to the inventory."""
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, trust_env=False
    ) as api:
        lender = Lender(stack.cast(port), api)
        connection = {
            "base_url": inventory.base_url,
            "token_source": f"env:{_TOKEN_PLACE}",
            "status_labels": {"deployable": 1},
        }
        lender.ask("admin", "PUT", "/inventory/connection", connection)
        yield lender
