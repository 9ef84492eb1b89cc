"""Tokens, the users they belong to, and what those may do."""

from dataclasses import dataclass, field

from demo.snipe_it_simulator.inventory import Inventory
from demo.snipe_it_simulator.stored import Row

DEMO_TOKEN = "simulator-token"  # noqa: S105 - a made-up server's made-up token


@dataclass
class Access:
    """``tokens`` is token → user id; ``permissions`` is user id → granted, instead of the user's own."""

    tokens: dict[str, int] = field(default_factory=lambda: {DEMO_TOKEN: 1})
    permissions: dict[int, frozenset[str]] = field(default_factory=dict)

    def owner(self, inventory: Inventory, authorization: str) -> Row | None:
        """The user a request's token stands for. Deactivated users still count."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        return inventory.row("users", self.tokens.get(token.strip()))

    def may(self, user: Row, permission: str | None) -> bool:
        """Whether a user may do something; None asks for nothing."""
        if permission is None:
            return True
        own = {name for name, value in (user["permissions"] or {}).items() if str(value) == "1"}
        granted = self.permissions.get(user["id"], frozenset(own))
        if "superuser" in granted or permission in granted:
            return True
        # Read from the server's permission matrix: reports.view opens the list of accessories.
        return permission == "accessories.view" and "reports.view" in granted
