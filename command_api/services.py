"""What the routes of one process share, opened in the lifespan and closed after it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hmac import digest
from typing import Final

from domain.inventory.servers import AllowedServers
from domain.ports import Clock
from infrastructure.clock import utc_now
from infrastructure.event_store.commands import Commands
from infrastructure.event_store.writer import Writer
from infrastructure.http.client_address import ClientAddresses
from infrastructure.http.health import Check
from infrastructure.identity.facts import FactSource
from infrastructure.identity.signin import Limits, SignIns, SignUps
from infrastructure.passwords import Passwords
from infrastructure.postgres import Pool, pool_of
from infrastructure.security import Tokens
from infrastructure.settings import CommandSettings

SPARE_CONNECTIONS: Final = 1


@dataclass(frozen=True, slots=True)
class Services:
    """``secret_key`` is the key of request fingerprints.

    ``sign_ups`` is None where nobody can sign up.
    ``inventory_servers`` are those that a tenant may be connected to; ``webhook_allow_private``
    says whether a webhook may point to an address inside.
    """

    commands: Commands
    tokens: Tokens
    passwords: Passwords
    sign_ins: SignIns
    sign_ups: SignUps | None
    addresses: ClientAddresses
    secret_key: bytes
    inventory_servers: AllowedServers
    webhook_allow_private: bool
    clock: Clock
    checks: Mapping[str, Check]


@asynccontextmanager
async def open_services(
    settings: CommandSettings, *, clock: Clock = utc_now, limits: Limits | None = None
) -> AsyncIterator[Services]:
    """Open the pools and the writer; a database that is down does not keep the process down."""
    url = settings.command_database_url.get_secret_value()
    key = settings.secret_key.get_secret_value().encode()
    pepper = digest(key, b"sign-in", "sha256")
    pool = pool_of(url, min_size=SPARE_CONNECTIONS, max_size=settings.pool_size)
    passwords = Passwords()
    await pool.open()
    try:
        async with Writer(url) as writer:
            yield Services(
                commands=Commands(pool, writer, FactSource(pool).of),
                tokens=Tokens(pool),
                passwords=passwords,
                sign_ins=SignIns(pool, pepper, limits or Limits()),
                sign_ups=SignUps(pool, pepper, settings.sign_ups_per_hour)
                if settings.sign_up == "open"
                else None,
                addresses=ClientAddresses(settings.trusted_proxies),
                secret_key=key,
                inventory_servers=settings.inventory_servers(),
                webhook_allow_private=settings.webhook_allow_private,
                clock=clock,
                checks={"log": partial(_ask_log, pool)},
            )
    finally:
        passwords.close()
        await pool.close()


async def _ask_log(pool: Pool) -> None:
    async with pool.connection() as connection:
        await connection.execute("SELECT position FROM log.log_head")
