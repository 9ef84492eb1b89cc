"""What the commands about Snipe-IT do."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from rich.console import Console

from cli.embedded_system import settings_of
from cli.progress import bar
from infrastructure.clock import utc_now
from infrastructure.errors import StoreUnavailable
from infrastructure.inventory.connections import StoredConnection, stored_connections
from infrastructure.inventory.kinds import TABLES
from infrastructure.inventory.mirror_store import Lonely, MirrorStore
from infrastructure.inventory.shared_calls import SharedCalls
from infrastructure.postgres import Pool, pool_of
from infrastructure.settings import MirrorSettings, UpSettings
from infrastructure.snipe_it.budget import Allowance
from infrastructure.snipe_it.check import Finding, Level, check
from infrastructure.snipe_it.client import SnipeIt, open_snipe_it
from infrastructure.snipe_it.errors import ReadFailed, UnexpectedForm
from infrastructure.snipe_it.settings import Connection, Deadlines, checked_connection
from workers.mirror.tenant import TenantMirror
from workers.snipe_it_connections import UNUSABLE, usable

SHOWN: Final = 20
_PATIENT: Final = Deadlines(queue=90.0)


class NoSuchConnection(Exception):
    """There is nothing to look at; the message says what was looked for."""


CANNOT: Final = (NoSuchConnection, StoreUnavailable, ReadFailed, UnexpectedForm, *UNUSABLE)
"""Why it cannot be done, as a line for the person."""


async def check_address(
    url: str, token_source: str, company_id: int | None, server_zone: str, console: Console
) -> bool:
    """Try a server that no tenant needs to have yet; True if nothing is missing."""
    connection = checked_connection(
        url, token_source, (url,), company_id=company_id, server_zone=server_zone
    )
    return await _check_server(connection, console)


async def _check_server(
    connection: Connection, console: Console, allowance: Allowance | None = None
) -> bool:
    async with open_snipe_it(connection, allowance) as snipe_it:
        return _show(await check(snipe_it), console)


async def check_tenants(tenant: str | None, console: Console) -> bool:
    """Try the connections of all tenants, or of one; True if nothing is missing."""
    settings = _settings()
    sound = True
    async with _pool(settings) as pool:
        for stored in await _wanted(pool, tenant):
            console.print(f"[bold]tenant {stored.tenant_id}[/bold]", soft_wrap=True)
            try:
                connection = _usable(stored, settings)
            except UNUSABLE as error:
                sound = _show([Finding(Level.MISSING, str(error))], console)
            else:
                allowance = _allowance(pool, stored, settings)
                sound = await _check_server(connection, console, allowance) and sound
    return sound


def _show(findings: Sequence[Finding], console: Console) -> bool:
    for finding in findings:
        console.print(f"{finding.level.value:8}{finding.line}", markup=False, soft_wrap=True)
    return all(finding.level is not Level.MISSING for finding in findings)


async def sync_tenants(tenant: str | None, console: Console) -> None:
    """Read everything of all tenants, or of one, and say what did not match."""
    settings = _settings()
    async with _pool(settings) as pool:
        for stored in await _wanted(pool, tenant):
            console.print(f"[bold]tenant {stored.tenant_id}[/bold]", soft_wrap=True)
            store = MirrorStore(pool, stored.tenant_id)
            snipe_it = open_snipe_it(_usable(stored, settings), _allowance(pool, stored, settings))
            await _sweep(snipe_it, store, console)
            _report(await store.lonely(), console)


async def _sweep(
    opening: AbstractAsyncContextManager[SnipeIt], store: MirrorStore, console: Console
) -> None:
    counts: dict[str, int] = {}
    with bar(console, "reading", len(TABLES)) as update:

        def read(kind: str, things: int) -> None:
            counts[kind] = things
            update(advance=1, description=f"read {things} {kind}")

        async with opening as snipe_it:
            # No lease is needed: rows carry by which reading, and the latest stay.
            await TenantMirror(snipe_it, store, utc_now).sweep(read)
    told = ", ".join(f"{things} {kind}" for kind, things in counts.items())
    console.print(f"read {told}", soft_wrap=True)


def _report(lonely: Sequence[Lonely], console: Console) -> None:
    members = [one for one in lonely if one.id is not None]
    things = Counter(one.kind for one in lonely if one.id is None)
    if not lonely:
        console.print("everything matches")
        return
    if members:
        console.print(f"{len(members)} members have no user in Snipe-IT:")
        for one in members[:SHOWN]:
            console.print(f"  {one.name} ({one.id})", markup=False, soft_wrap=True)
    for kind, count in things.items():
        what = "users who are no members" if kind == "user" else f"things of kind {kind}"
        console.print(f"{count} {what}; nothing here stands for them")
    console.print("GET /inventory/mappings?matched=false lists them; POST there links them")


async def _wanted(pool: Pool, tenant: str | None) -> list[StoredConnection]:
    found = [
        one for one in await stored_connections(pool) if tenant is None or one.tenant_id == tenant
    ]
    if not found:
        raise NoSuchConnection(
            "no tenant is connected to a Snipe-IT"
            if tenant is None
            else f"there is no tenant {tenant} that is connected to a Snipe-IT"
        )
    return found


def _usable(stored: StoredConnection, settings: MirrorSettings) -> Connection:
    return usable(
        stored,
        settings.inventory_servers(),
        calls_per_minute=settings.snipe_it_calls_per_minute,
        deadlines=_PATIENT,
    )


def _allowance(pool: Pool, stored: StoredConnection, settings: MirrorSettings) -> Allowance:
    return SharedCalls(pool, stored.tenant_id, settings.snipe_it_calls_per_minute)


def _pool(settings: MirrorSettings) -> Pool:
    url = settings.worker_database_url.get_secret_value()
    return pool_of(url, max_size=2, statement_timeout="25s", transaction_timeout="28s")


def _settings() -> MirrorSettings:
    settings_of(UpSettings.from_environment().data)
    return MirrorSettings.from_environment()
