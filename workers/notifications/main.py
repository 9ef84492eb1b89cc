"""The process of notifications: what happened goes to whom it concerns, by e-mail and webhook.

The feed that people read in the application is a projection; this process has no part in it.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from domain.ports import Clock
from infrastructure.clock import utc_now
from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.log_reader import LogReader, LogShorter
from infrastructure.event_store.writer import Writer
from infrastructure.identity.facts import FactSource
from infrastructure.log_bell import LogBell, rung
from infrastructure.notifications.delivery_store import Claimed, DeliveryStore
from infrastructure.notifications.outbound import Deadlines, Outbound
from infrastructure.notifications.outcomes import Outcome
from infrastructure.notifications.planning_store import PlanningStore
from infrastructure.notifications.smtp import Mailer, mail_server
from infrastructure.postgres import pool_of
from infrastructure.settings import NotificationSettings
from infrastructure.task_groups import plainly
from infrastructure.telemetry import DELIVERIES_WAITING, NOTIFICATIONS_LAG
from workers.notifications.delivering import Channel, Deliverer, Pace
from workers.notifications.letters import Letters
from workers.notifications.planning import WEBHOOK, Planner
from workers.notifications.webhooks import GIVE_UP_AFTER, Webhooks

POLL_S: Final = 1.0
MEASURE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 5.0
FORGET_EVERY_S: Final = 3600.0
KEEP_DAYS: Final = 30
"""How long it can be looked up what became of a delivery."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What tests make shorter. A claim outlasts the longest sending there can be."""

    pace: Pace = field(default_factory=Pace)
    give_up_after: timedelta = GIVE_UP_AFTER
    webhook_claim_s: float = 60.0
    letter_claim_s: float = 180.0
    webhooks_at_a_time: int = 16
    webhooks_of_a_tenant: int = 8
    letters_at_a_time: int = 4
    deadlines: Deadlines = field(default_factory=Deadlines)


async def run(
    settings: NotificationSettings, tuning: Tuning | None = None, clock: Clock = utc_now
) -> None:
    """Tell people until cancelled. Raises ``SettingsUnusable`` and ``LogShorter``."""
    with plainly(LogShorter):
        await _run(settings, tuning or Tuning(), clock)


async def _run(settings: NotificationSettings, tuning: Tuning, clock: Clock) -> None:
    url = settings.worker_database_url.get_secret_value()
    server = mail_server(settings)
    bell = LogBell(url)
    webhook_bell, letter_bell = asyncio.Event(), asyncio.Event()
    async with (
        pool_of(
            url,
            max_size=10,
            statement_timeout="10s",
            transaction_timeout="30s",
            idle_in_transaction_session_timeout="20s",
        ) as pool,
        Writer(url) as writer,
        Outbound(
            allow_private=settings.webhook_allow_private, deadlines=tuning.deadlines
        ) as outbound,
        asyncio.TaskGroup() as tasks,
    ):
        store = DeliveryStore(pool)
        planner = Planner(
            LogReader(pool), PlanningStore(pool), letters=server is not None, clock=clock
        )
        webhooks = Webhooks(
            store,
            outbound,
            Commands(pool, writer, FactSource(pool).of),
            settings.secret_key.get_secret_value().encode(),
            clock,
            tuning.give_up_after,
        )
        tasks.create_task(bell.run())
        tasks.create_task(_plan(planner, bell, (webhook_bell, letter_bell)))
        tasks.create_task(_measure(planner, store))
        tasks.create_task(_forget(store))
        tasks.create_task(Deliverer(_to_webhooks(webhooks, tuning), store, webhook_bell).run())
        if server is None:
            logger.warning("no mail server is named (QM_SMTP_URL): no letters are sent")
        else:
            letters = Letters(store, Mailer(server), settings.public_url)
            tasks.create_task(Deliverer(_by_letter(letters, tuning), store, letter_bell).run())


def _to_webhooks(webhooks: Webhooks, tuning: Tuning) -> Channel:
    return Channel(
        name=WEBHOOK,
        send=webhooks.send,
        settled=webhooks.settled,
        slots=tuning.webhooks_at_a_time,
        at_once=2,
        of_tenant=tuning.webhooks_of_a_tenant,
        claim_s=tuning.webhook_claim_s,
        pace=tuning.pace,
    )


def _by_letter(letters: Letters, tuning: Tuning) -> Channel:
    return Channel(
        name="email",
        send=letters.send,
        settled=_nothing_more,
        slots=tuning.letters_at_a_time,
        at_once=tuning.letters_at_a_time,
        of_tenant=tuning.letters_at_a_time,
        claim_s=tuning.letter_claim_s,
        pace=tuning.pace,
    )


async def _nothing_more(_: Claimed, __: Outcome) -> None:
    """A letter changes nothing else."""


async def _plan(planner: Planner, bell: LogBell, listeners: Sequence[asyncio.Event]) -> None:
    """Follow the log; the database may be away for a while."""
    rings = bell.listener()
    pause_s = 0.1
    begun = False
    while True:
        try:
            if not begun:
                await planner.begin()
                begun = True
            while await planner.step():
                for listener in listeners:
                    listener.set()
            pause_s = 0.1
            await rung(rings, POLL_S)
        except StoreUnavailable as error:
            logger.warning("waiting for the database: %s", error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)


async def _measure(planner: Planner, store: DeliveryStore) -> None:
    while True:
        try:
            NOTIFICATIONS_LAG.set(await planner.lag())
            waiting = await store.waiting()
            for channel in ("email", WEBHOOK):
                DELIVERIES_WAITING.labels(channel).set(waiting.get(channel, 0))
        except StoreUnavailable as error:
            logger.warning("what waits cannot be counted: %s", error)
        await asyncio.sleep(MEASURE_S)


async def _forget(store: DeliveryStore) -> None:
    while True:
        await asyncio.sleep(FORGET_EVERY_S)
        try:
            await store.forget(KEEP_DAYS)
        except StoreUnavailable as error:
            logger.warning("old deliveries are forgotten later: %s", error)
