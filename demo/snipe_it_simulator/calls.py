"""A call that has got past the gates, and the forms of its answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demo.snipe_it_simulator.inventory import Author, Inventory
from demo.snipe_it_simulator.rendering import View
from demo.snipe_it_simulator.stored import Row


class Unrecorded(Exception):
    """What the live server would answer is not known, so the simulator will not make it up."""


@dataclass(frozen=True)
class Query:
    """Query parameters; a name may stand more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """The last value, None where it is absent or empty."""
        values = [value for key, value in self.pairs if key == name]
        return values[-1] or None if values else None

    def all(self, name: str) -> list[str]:
        """Every value of ``name`` and of ``name[]``."""
        return [value for key, value in self.pairs if key in {name, f"{name}[]"} and value]


@dataclass(frozen=True)
class Call:
    """One authorised call.

    ``body`` is {} where there is none or it cannot be read; ``malformed`` tells JSON that is
    none. ``pause(point)`` sleeps for as long as the settings and faults say at that point of
    a write, which is where other calls get in between.
    """

    inventory: Inventory
    view: View
    author: Author
    query: Query
    body: Mapping[str, Any]
    malformed: bool
    pause: Callable[[str], Awaitable[None]]

    def number(self, name: str) -> int | None:
        """A field of the body as a whole number, None where it is absent or none."""
        return whole(self.body.get(name))

    def text(self, name: str) -> str | None:
        """A field of the body as text."""
        value = self.body.get(name)
        return None if value is None else str(value)


@dataclass(frozen=True)
class Reply:
    """``redirect`` is where the server sends a caller who did not ask for JSON, if it does."""

    status: int = 200
    body: Any = None
    html: str | None = None
    redirect: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Awaitable[Reply]]

# Points of a write at which other calls get in between.
BEFORE_WRITE = "before_write"
BETWEEN_WRITES = "between_writes"


def shown(body: Any) -> Reply:
    """A bare record or list."""
    return Reply(body=body)


def listed(rows: list[Row], total: int) -> Reply:
    """A list."""
    return Reply(body={"total": total, "rows": rows})


def succeeded(messages: str | None, payload: Any = None) -> Reply:
    """A write that was done."""
    return Reply(body={"status": "success", "messages": messages, "payload": payload})


def refused(messages: Any, payload: Any = None) -> Reply:
    """A refusal, which has status 200 like a success."""
    return Reply(body={"status": "error", "messages": messages, "payload": payload})


def invalid(fields: Mapping[str, list[str]]) -> Reply:
    """Fields that failed the validation; without JSON asked for it leads back home."""
    reply = refused(dict(fields))
    return Reply(body=reply.body, redirect="")


def asset_not_found() -> Reply:
    """No such asset to write to."""
    return Reply(body=refused("Asset not found").body, redirect="/hardware")


def invalid_json() -> Reply:
    """A body that is no JSON, where the server looks."""
    return Reply(422, refused("Invalid JSON").body)


def server_error() -> Reply:
    """What any unhandled error looks like."""
    return Reply(500, {"message": "Server Error"})


def whole(value: Any) -> int | None:
    """A whole number given as such or as digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdigit() else None
