"""Where the story is played: people ask, the stage tells what they are answered and waits."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from demo.story.desk import Answer, Desk, StoryStopped
from demo.story.telling import Teller
from demo.tenant import ADMINISTRATOR
from domain.ids import book_id

_LOOK_EVERY_S: Final = 0.3

Shown = Mapping[str, Any]


class Stage:
    """The desk and the teller, and what the story follows in the log.

    ``patience_s`` is how long any one thing may take before the story stops.
    """

    def __init__(self, desk: Desk, teller: Teller, patience_s: float) -> None:
        self.desk = desk
        self.tell = teller
        self._patience_s = patience_s
        self._begun = datetime.now(UTC)
        self._told: dict[str, int] = {}

    async def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        expect: int = 200,
    ) -> Answer:
        """Give a command and tell its answer. Raises ``StoryStopped`` unless it is ``expect``."""
        answer = await self.desk.ask(who, method, path, body)
        self.tell.answered(answer)
        if answer.status != expect:
            raise StoryStopped(
                f"{method} {path} was answered {answer.status} {answer.code}, not {expect}:"
                f" {answer.body.get('detail', '')}"
            )
        return answer

    async def show(self, who: str, path: str, *names: str) -> Shown:
        """Read something and tell these fields of it."""
        shown = await self.desk.read(who, path)
        self.tell.read(who, path, {name: shown[name] for name in names})
        return shown

    async def until(
        self, what: str, who: str, path: str, holds: Callable[[Shown], bool], *names: str
    ) -> Shown:
        """Read until it holds, and tell these fields. Raises ``StoryStopped`` if it takes long."""
        self.tell.waits(what)
        give_up_at = time.monotonic() + self._patience_s
        while not holds(shown := await self.desk.read(who, path)):
            if time.monotonic() > give_up_at:
                seen = {name: shown[name] for name in names}
                raise StoryStopped(
                    f"this did not happen within {self._patience_s:.0f} s: {what};"
                    f" GET {path} shows {seen}"
                )
            await asyncio.sleep(_LOOK_EVERY_S)
        self.tell.read(who, path, {name: shown[name] for name in names})
        return shown

    async def happened(self, *aggregate_ids: str) -> None:
        """Tell what the log has of these since it was last told."""
        events = [event for one in aggregate_ids for event in await self._new_events(one)]
        self.tell.happened(sorted(events, key=lambda event: int(event["position"])))

    async def happened_to(self, assignment_id: str, asset_id: str) -> None:
        """Tell what the log has of an assignment, of its operations and of the asset's book."""
        book = book_id(self.desk.tenant_id, "asset", asset_id)
        await self.happened(assignment_id, *await self.operations_of(assignment_id), book)

    async def operations_of(self, subject_id: str) -> list[str]:
        """The ids of the inventory operations that were made for it."""
        found = await self.desk.read(ADMINISTRATOR, "/inventory/operations", subject_id=subject_id)
        return [str(one["id"]) for one in found["items"]]

    async def _new_events(self, aggregate_id: str) -> list[Shown]:
        since = {"from": self._begun.isoformat(), "aggregate_id": aggregate_id}
        page = await self.desk.read(ADMINISTRATOR, "/audit", **since)
        told = self._told.get(aggregate_id, 0)
        new = [event for event in page["items"] if event["position"] > told]
        if new:
            self._told[aggregate_id] = max(event["position"] for event in new)
        return new
