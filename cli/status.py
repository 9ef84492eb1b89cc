"""``quartermaster status``: what runs here, and how far everything is."""

import asyncio
import logging
from typing import Final

import httpx
from rich.console import Console
from rich.table import Table

from infrastructure.embedded.folder_lock import is_locked
from infrastructure.errors import StoreUnavailable
from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres import pool_of
from infrastructure.projection_rows import Measure
from infrastructure.projection_store import ProjectionStore
from infrastructure.settings import ProjectorSettings, UpSettings
from projectors.subscriptions import PROJECTIONS
from read_tables.positions import READ_CHANNEL

_TIMEOUT_S: Final = 10.0


def show_status(settings: UpSettings, console: Console) -> bool:
    """Print it; True if the API is ready and nothing is parked or behind."""
    # That there is no answer is told below, once.
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    running = is_locked(settings.data.expanduser() / "up.lock")
    console.print(
        f"up: {'running' if running else 'not running'} ({settings.data})", soft_wrap=True
    )
    ready = _show_api(f"http://127.0.0.1:{settings.port}", console)
    return _show_projections(console) and ready


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


def _show_projections(console: Console) -> bool:
    url = ProjectorSettings.from_environment().projector_database_url.get_secret_value()
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


async def _measured(url: str) -> tuple[int, dict[str, Measure]]:
    async with (
        pool_of(url, max_size=1) as pool,
        ProjectionStore(url, READ_CHANNEL, pool_size=1) as store,
    ):
        measures = {one.name: await store.measure(one.name) for one in PROJECTIONS}
        _, head = await LogReader(pool).head()
        return head, measures
