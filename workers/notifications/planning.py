"""Follows the log and writes down who is to be told what, once for each event.

How far it has looked and what it has found are committed together, and a delivery's key is its
event, its recipient and its way: a crash, a second process or a log read again adds nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from domain.fields import time_text
from domain.notifications.kinds import Channel
from domain.notifications.notices import TOLD_TOPICS, Notice, Subject, learnt, notice_of
from domain.notifications.patterns import TEST, wants
from domain.ports import Clock
from infrastructure.clock import utc_now
from infrastructure.crash_points import CrashPoint, reach
from infrastructure.event_store.log_reader import LogReader, LogShorter
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.notifications.planning_store import (
    Planned,
    Planning,
    PlanningStore,
    Subscription,
)

BATCH: Final = 200
"""Events in one transaction, at most."""

WEBHOOK: Final = "webhook"
STALE_AFTER: Final = timedelta(hours=48)
"""Of what is older, no letter is sent: after an outage of days, "due tomorrow" only confuses.
It stands in the feed, and webhooks, which are for machines, get everything."""

logger = logging.getLogger(__name__)


class Planner:
    """Looks at the log. ``letters`` says whether there is a mail server to send any."""

    def __init__(
        self, log: LogReader, store: PlanningStore, *, letters: bool, clock: Clock = utc_now
    ) -> None:
        self._log = log
        self._store = store
        self._letters = letters
        self._clock = clock

    async def begin(self) -> None:
        """The first time ever, begin at the end of the log: what is older is news to nobody."""
        await self._store.begin(*await self._log.head())

    async def lag(self) -> int:
        """How many events were not looked at yet."""
        _, head = await self._log.head()
        return head - await self._store.position()

    async def step(self) -> int:
        """Look at the next events. Returns how many there were; 0 while somebody else looks.

        Raises ``StoreUnavailable`` and ``LogShorter``.
        """
        epoch, head = await self._log.head()
        async with self._store.planning(epoch, head) as planning:
            if planning is None:
                return 0
            if planning.position > head:
                raise LogShorter("notifications are", planning.position, head)
            events = await self._log.read_after(planning.position, BATCH)
            if not events:
                return 0
            reach(CrashPoint.NOTIFICATIONS_AFTER_READ)
            await self._plan(planning, events)
            reach(CrashPoint.NOTIFICATIONS_BEFORE_COMMIT)
        reach(CrashPoint.NOTIFICATIONS_AFTER_COMMIT)
        return len(events)

    async def _plan(self, planning: Planning, events: Sequence[RecordedEvent]) -> None:
        subscriptions = await planning.subscriptions({event.tenant_id for event in events})
        planned: list[Planned] = []
        for event in events:
            planned += _messages(event, subscriptions)
            if self._letters and event.topic in TOLD_TOPICS and not self._is_stale(event):
                planned += await self._letters_of(planning, event)
        await planning.add(planned)
        await planning.move(events[-1].position)

    def _is_stale(self, event: RecordedEvent) -> bool:
        return event.recorded_at < self._clock() - STALE_AFTER

    async def _letters_of(self, planning: Planning, event: RecordedEvent) -> list[Planned]:
        notice = await self._notice(event)
        if notice is None:
            return []
        people = await planning.people(event.tenant_id, notice.audience)
        addressed = await planning.without_those_who_object(
            event.tenant_id, people, notice.kind, Channel.EMAIL
        )
        content = {
            "aggregate_kind": event.kind,
            "aggregate_id": event.aggregate_id,
            "at": time_text(event.recorded_at),
            "data": dict(notice.data),
        }
        return [
            Planned(event.tenant_id, event.position, user_id, Channel.EMAIL, notice.kind, content)
            for user_id in addressed
        ]

    async def _notice(self, event: RecordedEvent) -> Notice | None:
        """What is to be told. An event that cannot be read is told to nobody, and stops nobody."""
        stream = await self._log.read_stream(event.tenant_id, event.aggregate_id)
        try:
            return _told(stream, event)
        except Exception:
            logger.exception("nobody is told of event %s (%s)", event.position, event.topic)
            return None


def _told(stream: Sequence[RecordedEvent], event: RecordedEvent) -> Notice | None:
    subject: Subject = {}
    for recorded in stream:
        if recorded.version <= event.version:
            subject = learnt(subject, recorded.event)
    return notice_of(subject, event.event, event.actor_id)


def _messages(event: RecordedEvent, subscriptions: Sequence[Subscription]) -> list[Planned]:
    return [
        Planned(
            event.tenant_id,
            event.position,
            one.webhook_id,
            WEBHOOK,
            event.topic,
            message_of(event),
        )
        for one in subscriptions
        if _is_for(one, event)
    ]


def _is_for(subscription: Subscription, event: RecordedEvent) -> bool:
    if subscription.tenant_id != event.tenant_id or event.recorded_at < subscription.since:
        return False
    if event.topic == TEST:
        return event.aggregate_id == subscription.webhook_id
    return wants(subscription.events, event.topic)


def message_of(event: RecordedEvent) -> Mapping[str, Any]:
    """An event as a webhook is told of it: type, time and data, as Standard Webhooks has them."""
    return {
        "type": event.topic,
        "timestamp": time_text(event.recorded_at),
        "data": {
            "position": event.position,
            "tenant_id": event.tenant_id,
            "aggregate_kind": event.kind,
            "aggregate_id": event.aggregate_id,
            "version": event.version,
            "actor_id": event.actor_id,
            "correlation_id": event.correlation_id,
            "event": event.fields,
        },
    }
