"""``quartermaster up``: everything on this machine, under one supervisor."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
from sqlalchemy.exc import DBAPIError

from cli.embedded_system import DATABASE, DataFolder
from cli.measured import measured, metrics_ports
from cli.servers import Broker, Server, keep_running
from cli.settings_of_all import check_settings
from cli.supervisor import Job, Supervisor
from demo.inventory import STATUS_LABELS, TOKEN_SOURCE
from demo.tenant import DEMO_USERS, Demo, DemoChanged, DemoFailed, DemoInventory, load_demo
from infrastructure.embedded.errors import explained
from infrastructure.embedded.folder_lock import FolderLocked, folder_lock
from infrastructure.embedded.guardian import Guardian
from infrastructure.embedded.machine import LOOPBACK, port_is_free, private_folder
from infrastructure.errors import StoreUnavailable
from infrastructure.migrate import migrate
from infrastructure.settings import UpSettings

_AFTER_A_KILL_S: Final = 15.0
_READY_WITHIN_S: Final = 60.0
_POLL_S: Final = 0.1
_TELL_EVERY_S: Final = 5.0
_API: Final = "api"

Say = Callable[[str], None]


class UpRefused(Exception):
    """It cannot start; the message is the line for the person."""


def up(settings: UpSettings, say: Say) -> None:
    """Run everything until Ctrl-C or SIGTERM.

    Raises ``UpRefused`` and ``EmbeddedUnavailable`` with the line that says why it cannot, and
    ``SettingsUnusable`` with one for each setting of its processes that they could not use.
    """
    check_settings(settings)
    os.umask(0o077)
    folder = DataFolder(settings.data.expanduser().absolute())
    try:
        private_folder(folder.path)
        with _alone(folder.path) as lock:
            _wait_for_port(settings.port, folder)
            _wait_for_metrics_ports(folder)
            folder.running_mark.write_text(str(settings.port), encoding="ascii")
            _run_with_servers(settings, folder, lock, say)
            folder.running_mark.unlink(missing_ok=True)
    except FileExistsError:
        raise UpRefused(f"{folder.path} is not a folder; choose another with QM_DATA") from None
    except OSError as error:
        raise explained("The system", folder.path, str(error)) from error
    except (psycopg.Error, DBAPIError, StoreUnavailable) as error:
        raise explained("The database", folder.path, str(error)) from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The lock that the guardian shares, once nobody else runs on this folder."""
    try:
        with folder_lock(path / "up.lock", wait_s=0, note=str(os.getpid())):
            try:
                with folder_lock(path / "guardian.lock", wait_s=_AFTER_A_KILL_S) as lock:
                    yield lock
            except FolderLocked:
                raise UpRefused(f"the servers of an earlier run in {path} do not stop") from None
    except FolderLocked as error:
        raise UpRefused(
            f"it runs already on the data folder {path} (process {error}); stop that one, or choose"
            " another folder with QM_DATA and another port with QM_PORT"
        ) from None


def _wait_for_port(port: int, folder: DataFolder) -> None:
    if not _comes_free(port, folder):
        raise UpRefused(
            f"port {port} of {LOOPBACK} is taken; choose another: make up QM_PORT={port + 1}"
        )


def _wait_for_metrics_ports(folder: DataFolder) -> None:
    for name, port in metrics_ports().items():
        if not _comes_free(port, folder):
            raise UpRefused(
                f"port {port} of {LOOPBACK}, for the measures of {name}, is taken;"
                " choose other ports with QM_METRICS_PORT, the first of them"
            )


def _comes_free(port: int, folder: DataFolder) -> bool:
    # The children of a run that was killed need a moment to notice.
    until = time.monotonic() + (_AFTER_A_KILL_S if folder.running_mark.exists() else 0)
    while not (free := port_is_free(port)) and time.monotonic() < until:
        time.sleep(_POLL_S)
    return free


def _run_with_servers(settings: UpSettings, folder: DataFolder, lock: int, say: Say) -> None:
    guardian = Guardian(folder.path, lock=lock)
    try:
        asyncio.run(_run(settings, folder, say))
    finally:
        guardian.close()


async def _run(settings: UpSettings, folder: DataFolder, say: Say) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    work = asyncio.ensure_future(_work(settings, folder, say))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        say("stopping …")
        work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    if stop.is_set():
        say("stopped")


async def _work(settings: UpSettings, folder: DataFolder, say: Say) -> None:
    environment, servers = await _prepared(settings, folder, say)
    supervisor = Supervisor(folder.logs, environment, say)
    origin = f"http://{LOOPBACK}:{settings.port}"
    async with supervisor.running(
        measured(_jobs_of_the_apis(settings.port, with_broker="QM_AMQP_URL" in environment))
    ):
        await _until_ready(origin, supervisor)
        await _greet(origin, folder, say)
        # To start these takes nothing from whoever waits for the line that says ready.
        supervisor.add(measured(_other_jobs(folder)))
        await asyncio.gather(*(keep_running(name, one, say) for name, one in servers.items()))


async def _prepared(
    settings: UpSettings, folder: DataFolder, say: Say
) -> tuple[dict[str, str], dict[str, Server]]:
    """The environment of the children, and the servers, which run; the database is migrated."""
    servers: dict[str, Server] = {"Postgres": folder.postgres}
    say(f"starting Postgres in {folder.path}")
    await asyncio.to_thread(_start_postgres, folder)
    await _refill_tables(folder, say)
    folder.choose_inventory_port()
    environment = folder.environment()
    if settings.amqp_url is not None:
        environment["QM_AMQP_URL"] = settings.amqp_url.get_secret_value()
    elif settings.broker == "private":
        say("starting RabbitMQ")
        rabbitmq = folder.rabbitmq(say)
        servers["RabbitMQ"] = broker = Broker(rabbitmq)
        await asyncio.to_thread(broker.start)
        environment["QM_AMQP_URL"] = rabbitmq.url()
    return environment, servers


def _start_postgres(folder: DataFolder) -> None:
    server = folder.postgres
    server.start()
    server.ensure_owner()
    server.ensure_database(DATABASE)
    migrate(server.owner_url(DATABASE), folder.role_urls())


async def _refill_tables(folder: DataFolder, say: Say) -> None:
    """Make read tables anew which another version of this program made, or another log."""
    from infrastructure.projection_bulk import Busy
    from projectors.rebuild import RebuildRefused, rebuild, unfit

    urls = folder.role_urls()
    if not (projections := await unfit(urls["qm_projector"])):
        return
    names = ", ".join(one.name for one in projections)
    say(f"making the tables of {names} anew: another version or another log made them")
    try:
        done = await rebuild(urls["qm_rebuild"], projections, watcher=_telling(say))
    except (Busy, RebuildRefused) as error:
        raise UpRefused(f"the tables of {names} cannot be made anew: {error}") from error
    say(f"made anew from {done.events} events")


def _telling(say: Say) -> Callable[[int, int], None]:
    """Says now and then how many events have been read."""
    said = time.monotonic()

    def tell(read: int, of: int) -> None:
        nonlocal said
        if time.monotonic() - said >= _TELL_EVERY_S:
            said = time.monotonic()
            say(f"{read} of {of} events read")

    return tell


def _jobs_of_the_apis(port: int, *, with_broker: bool) -> list[Job]:
    jobs = [Job(_API, ["api", "both", "--port", str(port)]), Job("projector", ["projector"])]
    return [*jobs, Job("relay", ["relay"])] if with_broker else jobs


def _other_jobs(folder: DataFolder) -> list[Job]:
    inventory = [str(folder.inventory_port), str(folder.inventory / "kept")]
    return [
        Job("simulator", ["simulator", *inventory]),
        Job("mirror", ["mirror"]),
        Job("snipe-it-sync", ["snipe-it-sync"]),
        Job("timers", ["timers"]),
        Job("notifications", ["notifications"]),
    ]


async def _until_ready(origin: str, supervisor: Supervisor) -> None:
    until = time.monotonic() + _READY_WITHIN_S
    said = "nothing"
    async with httpx.AsyncClient(base_url=origin, timeout=5, trust_env=False) as client:
        while time.monotonic() < until:
            try:
                answer = await client.get("/health/ready")
            except httpx.TransportError as error:
                said = type(error).__name__
            else:
                # Somebody else may have taken the port a moment ago.
                if answer.is_success and supervisor.is_running(_API):
                    return
                said = answer.text[:200]
            await asyncio.sleep(_POLL_S)
    raise UpRefused(
        f"the API was not ready within {_READY_WITHIN_S:.0f} s (it said: {said});"
        f" see {supervisor.logs / 'api.log'}"
    )


async def _greet(origin: str, folder: DataFolder, say: Say) -> None:
    """Say that it is ready, now that a command has succeeded, and how to go on."""
    try:
        demo = await load_demo(origin, folder.demo_password(), _inventory(folder))
    except DemoFailed as failed:
        raise UpRefused(f"{failed}; see {folder.logs}") from failed
    except DemoChanged as changed:
        say(f"ready {origin}")
        say(f"documentation {origin}/docs")
        say(f"the demo tenant was changed and is left as it is: {changed}")
        return
    say(f"ready {origin}")
    say(f"documentation {origin}/docs")
    say(f"sign in as {', '.join(DEMO_USERS)}; password {demo.password}")
    for line in _first_steps(f"{origin}/api/v1", demo):
        say(line)


def _inventory(folder: DataFolder) -> DemoInventory:
    return DemoInventory(folder.inventory_url, TOKEN_SOURCE, STATUS_LABELS)


def _first_steps(api: str, demo: Demo) -> list[str]:
    """Sign in, ask for something, look at it: lines to paste into a shell."""
    body = (
        f'{{"project_id": "{demo.project_id}", "purpose": "Repair the bench supply",'
        ' "lines": [{"item": {"kind": "purchase", "description": "Soldering iron"}, "quantity": 2}]}'
    )
    from_answer = 'sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\''
    signed_in = '-H "Authorization: Bearer $TOKEN"'
    sign_in = f"{api}/me/signin -d username=demo-requester -d password={demo.password}"
    as_json = "-H 'Content-Type: application/json'"
    position = "sed 's/.*\"position\":\\([0-9]*\\).*/\\1/'"
    return [
        f"TOKEN=$(curl -s {sign_in} | {from_answer})",
        f"RECEIPT=$(curl -s {api}/requisitions {signed_in} {as_json} -d '{body}'); echo $RECEIPT",
        f'curl -s {api}/requisitions {signed_in} -H "Min-Position: $(echo $RECEIPT | {position})"',
    ]
