"""Composition roots: each process is its settings and what is built from them, and nothing more.

A process imports its own parts only, when it starts: that keeps each of them small.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvloop

from cli.errors import CannotServe
from infrastructure.http.metrics import serve_metrics
from infrastructure.logs import configure_logging
from infrastructure.settings import (
    CommandSettings,
    MetricsSettings,
    MirrorSettings,
    NotificationSettings,
    ProjectorSettings,
    QuerySettings,
    RelaySettings,
    SettingsUnusable,
    SnipeItSyncSettings,
    WorkerSettings,
    check_all,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp

logger = logging.getLogger(__name__)

SUPERVISED: Final = "QM_SUPERVISED"
GRACE_S: Final = 3
_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 30


class Side(StrEnum):
    """Which API a process serves."""

    COMMAND = "command"
    QUERY = "query"
    BOTH = "both"


def serve_api(side: Side, host: str, port: int) -> None:
    """Serve until told to stop. Raises ``CannotServe`` and ``SettingsUnusable``."""
    import uvicorn

    app = application(side)
    with _started(f"{side}-api"), _listening(host, port) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="on",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = uvicorn.Server(config)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.serve(sockets=[listener]))
        if not server.started:
            raise CannotServe(f"the {side} API did not start; its log says why")


def application(side: Side) -> "ASGIApp":
    """What a process of this side serves. Raises ``SettingsUnusable``."""
    match side:
        case Side.COMMAND:
            return _command_api()
        case Side.QUERY:
            return _query_api()
        case Side.BOTH:
            from cli.one_origin import OneOrigin

            check_all([CommandSettings.from_environment, QuerySettings.from_environment])
            return OneOrigin(_command_api(), _query_api())


def run_relay() -> None:
    """Publish the log to the broker until told to stop."""
    from workers.relay import run

    settings = RelaySettings.from_environment()
    _run_until_signalled("relay", lambda: run(settings))


def run_projector() -> None:
    """Keep the read tables up to date until told to stop."""
    from projectors.main import run

    settings = ProjectorSettings.from_environment()
    _run_until_signalled("projector", lambda: run(settings))


def run_notifications() -> None:
    """Tell people and webhooks what happens, until told to stop."""
    from workers.notifications.main import run

    settings = NotificationSettings.from_environment()
    _run_until_signalled("notifications", lambda: run(settings))


def run_timers() -> None:
    """Give the commands that are due by the clock, until told to stop."""
    from workers.timers import run

    settings = WorkerSettings.from_environment()
    _run_until_signalled("timers", lambda: run(settings))


def run_mirror() -> None:
    """Keep a picture of every tenant's inventory until told to stop."""
    from workers.mirror.main import run

    settings = MirrorSettings.from_environment()
    _run_until_signalled("mirror", lambda: run(settings))


def run_simulator(port: int, kept: Path) -> None:
    """Serve the demo's Snipe-IT, which keeps what it is told in a file, until told to stop."""
    from demo.simulated import run

    _run_until_signalled("simulator", lambda: run(port, kept))


def run_snipe_it_sync() -> None:
    """Bring what was asked for into the inventories, until told to stop."""
    from workers.snipe_it_sync.main import run

    settings = SnipeItSyncSettings.from_environment()
    _run_until_signalled("snipe-it-sync", lambda: run(settings))


def _command_api() -> "FastAPI":
    from command_api.main import create_app

    return create_app(CommandSettings.from_environment())


def _query_api() -> "FastAPI":
    from query_api.main import create_app

    return create_app(QuerySettings.from_environment())


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except OSError as error:
            raise CannotServe(f"port {port} of {host} cannot be used: {error.strerror}") from error
        yield listener


def _run_until_signalled(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with _started(name), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_cancelled_by_signals(work))


async def _cancelled_by_signals(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    task = asyncio.ensure_future(work())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


@contextlib.contextmanager
def _started(name: str) -> Iterator[None]:
    configure_logging(name)
    if os.environ.get(SUPERVISED):
        threading.Thread(target=_end_with_supervisor, daemon=True).start()
    stop = _metrics(MetricsSettings.from_environment())
    # What is loaded by now stays for good. A full collection that walks it holds up every request
    # for a tenth of a second, and under load there are two in a second.
    gc.collect()
    gc.freeze()
    try:
        yield
    except (CannotServe, SettingsUnusable):
        raise
    except Exception:
        # As a line of the log, not as bare text, and with what is secret blotted out.
        logger.exception("ended by an error")
        raise SystemExit(1) from None
    finally:
        stop()


def _metrics(settings: MetricsSettings) -> Callable[[], None]:
    """Show the measures where the settings say; the answer stops that. Raises ``CannotServe``."""
    port, address = settings.metrics_port, settings.metrics_address
    if port is None:
        return lambda: None
    try:
        return serve_metrics(port, address)
    except OSError as error:
        raise CannotServe(
            f"port {port} of {address} cannot be used for /metrics: {error.strerror};"
            " choose another with QM_METRICS_PORT"
        ) from error


def _end_with_supervisor() -> None:
    # The supervisor holds the other end of our standard input: it closes however that one ends.
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE_S + 2)
    os._exit(1)
