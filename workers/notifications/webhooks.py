"""Messages to webhooks: signed as they leave, and given up on once nobody answers for days."""

import logging
import time
from datetime import timedelta
from functools import partial
from typing import Final

import orjson

from domain.errors import Refused
from domain.notifications.commands import GiveUpWebhook
from domain.notifications.handlers import give_up
from domain.ports import Clock
from infrastructure.errors import InfrastructureError
from infrastructure.event_store.commands import Commands, Envelope
from infrastructure.ids import derived_id
from infrastructure.notifications.delivery_store import Claimed, DeliveryStore
from infrastructure.notifications.outbound import Outbound
from infrastructure.notifications.outcomes import Never, NotNow, NotWanted, Outcome, Sent
from infrastructure.notifications.signing import secret_of, signed_headers
from infrastructure.telemetry import WEBHOOKS_DISABLED

NAME: Final = "give up webhooks that have failed for too long"
GIVE_UP_AFTER: Final = timedelta(days=5)

logger = logging.getLogger(__name__)


class Webhooks:
    """Sends to webhooks and switches off those that have not worked for ``give_up_after``."""

    def __init__(
        self,
        store: DeliveryStore,
        outbound: Outbound,
        commands: Commands,
        secret_key: bytes,
        clock: Clock,
        give_up_after: timedelta = GIVE_UP_AFTER,
    ) -> None:
        self._store = store
        self._outbound = outbound
        self._commands = commands
        self._secret_key = secret_key
        self._clock = clock
        self._give_up_after = give_up_after

    async def send(self, claimed: Claimed) -> Outcome:
        """Send a message and say what became of it. Raises ``StoreUnavailable``, ``ClaimLost``."""
        to = await self._store.destination(claimed.tenant_id, claimed.recipient_id)
        if to is None or not to.enabled:
            return NotWanted("the webhook was removed or switched off")
        body = orjson.dumps(claimed.content, option=orjson.OPT_SORT_KEYS)
        secrets = [
            secret_of(self._secret_key, claimed.recipient_id, version)
            for version in to.secret_versions
        ]
        headers = signed_headers(f"msg_{claimed.id}", int(time.time()), body, secrets)
        claimed.check()
        return await self._outbound.post(to.url, headers, body)

    async def settled(self, claimed: Claimed, outcome: Outcome) -> None:
        """Keep in mind whether the webhook works. Raises ``StoreUnavailable``."""
        tenant_id, webhook_id = claimed.tenant_id, claimed.recipient_id
        match outcome:
            case Sent():
                await self._store.webhook_works(tenant_id, webhook_id)
            case Never(gone=True):
                await self._give_up(claimed, "the receiver wants no more (410)")
            case NotNow() | Never():
                failing_for = await self._store.webhook_failed(tenant_id, webhook_id)
                if failing_for > self._give_up_after:
                    days = f"{failing_for / timedelta(days=1):.1f}"
                    reason = f"it has failed for {days} days; last: {outcome.error}"
                    await self._give_up(claimed, reason)
            case NotWanted():
                return

    async def _give_up(self, claimed: Claimed, reason: str) -> None:
        command_id = derived_id(NAME, claimed.recipient_id, claimed.id)
        envelope = Envelope(
            tenant_id=claimed.tenant_id,
            actor_id=None,
            correlation_id=command_id,
            command_id=command_id,
            turn=claimed.recipient_id,
        )
        command = GiveUpWebhook(webhook_id=claimed.recipient_id, reason=reason, at=self._clock())
        try:
            await self._commands.run(envelope, partial(give_up, command))
        except (Refused, InfrastructureError) as error:
            logger.warning("the webhook %s is not switched off: %s", claimed.recipient_id, error)
            return
        WEBHOOKS_DISABLED.inc()
        logger.error("the webhook %s was switched off: %s", claimed.recipient_id, reason)
