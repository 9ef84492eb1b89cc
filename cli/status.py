"""``quartermaster status``: what runs here, and how far everything is."""

import asyncio
import logging
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from cli.embedded_system import port_of
from cli.inventory_troubles import troubles_of
from infrastructure.embedded.folder_lock import is_locked
from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres import pool_of
from infrastructure.projection_rows import Measure
from infrastructure.projection_store import ProjectionStore
from infrastructure.settings import StatusSettings, UpSettings
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL

_TIMEOUT_S: Final = 10.0


def show_status(settings: UpSettings, console: Console) -> bool:
    """Print it; True if the API is ready, nothing is parked or behind, and each inventory answers."""
    # That there is no answer is told below, once.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    running = is_locked(settings.data.expanduser() / "up.lock")
    console.print(
        f"up: {'running' if running else 'not running'} ({settings.data})", soft_wrap=True
    )
    told = StatusSettings.from_environment()
    ready = _show_api(f"http://127.0.0.1:{port_of(settings)}", console)
    current = _show_projections(told.projector_database_url.get_secret_value(), console)
    return _show_inventories(told, console) and current and ready


def _show_api(origin: str, console: Console) -> bool:
    try:
        answer = httpx.get(f"{origin}/health/ready", timeout=_TIMEOUT_S, trust_env=False)
    except httpx.TransportError as error:
        console.print(f"api: no answer from {origin} ({type(error).__name__})")
        return False
    parts = answer.json().get("parts", {})
    told = ", ".join(f"{name} {state}" for name, state in parts.items())
    console.print(
        f"api: {'ready' if answer.is_success else 'not ready'} at {origin} ({told})", soft_wrap=True
    )
    return answer.is_success


def _show_projections(url: str, console: Console) -> bool:
    try:
        head, measures = asyncio.run(asyncio.wait_for(_measured(url), _TIMEOUT_S))
    except (StoreUnavailable, TimeoutError) as error:
        console.print(f"database: no answer ({type(error).__name__})")
        return False
    console.print(f"log: {head} events")
    table = Table("projection", "position", "behind", "parked")
    for name, one in measures.items():
        table.add_row(name, str(one.position), str(head - one.position), str(one.parked))
    console.print(table)
    return all(one.position == head and one.parked == 0 for one in measures.values())


def _show_inventories(settings: StatusSettings, console: Console) -> bool:
    if settings.worker_database_url is None:
        console.print("inventories: not looked at; QM_WORKER_DATABASE_URL is not set")
        return True
    url = settings.worker_database_url.get_secret_value()
    try:
        troubles = asyncio.run(troubles_of(url))
    except StoreUnavailable as error:
        console.print(f"inventories: no answer from the database ({type(error).__name__})")
        return False
    for one in troubles:
        console.print(one.line, soft_wrap=True, markup=False)
    return not any(one.is_wrong for one in troubles)


async def _measured(url: str) -> tuple[int, dict[str, Measure]]:
    async with (
        pool_of(url, max_size=1) as pool,
        ProjectionStore(url, READ_CHANNEL, pool_size=1) as store,
    ):
        measures = {one.name: await store.measure(one.name) for one in PROJECTIONS}
        _, head = await LogReader(pool).head()
        return head, measures
