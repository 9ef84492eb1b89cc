"""The ``quartermaster`` command."""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from cli.errors import one_line
from cli.processes import (
    Side,
    run_mirror,
    run_notifications,
    run_projector,
    run_relay,
    run_simulator,
    run_snipe_it_sync,
    run_timers,
    serve_api,
)
from cli.read_tables_tools import PARKED, rebuild, verify
from cli.snipe_it_tools import SNIPE_IT
from infrastructure.settings import MigrateSettings, UpSettings

ROOT: Final = Path(__file__).resolve().parents[1]

app: Final = typer.Typer(
    help="Requisitions, approvals and hand-over, with every step kept.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


@app.command()
def up() -> None:
    """Start everything on this machine: Postgres, the APIs and the processes behind them."""
    from cli.up import UpRefused
    from cli.up import up as run

    with one_line(UpRefused):
        run(UpSettings.from_environment(), say)


@app.command()
def api(
    side: Annotated[Side, typer.Argument(help="which of the two, or both at one address")],
    host: Annotated[str, typer.Option(envvar="QM_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="QM_PORT", min=1, max=65535)] = 8000,
) -> None:
    """Serve the command API, the query API, or both."""
    with one_line():
        serve_api(side, host, port)


@app.command()
def relay() -> None:
    """Publish the log to RabbitMQ."""
    from infrastructure.event_store.log_reader import LogShorter

    with one_line(LogShorter):
        run_relay()


@app.command()
def projector() -> None:
    """Keep the read tables up to date."""
    from projectors.inbox import ProjectorStopped

    with one_line(ProjectorStopped):
        run_projector()


@app.command()
def notifications() -> None:
    """Tell people by e-mail, and webhooks, what happens."""
    from infrastructure.event_store.log_reader import LogShorter

    with one_line(LogShorter):
        run_notifications()


@app.command()
def timers() -> None:
    """Give the commands that are due by the clock."""
    with one_line():
        run_timers()


@app.command()
def mirror() -> None:
    """Keep a picture of every tenant's Snipe-IT."""
    with one_line():
        run_mirror()


@app.command(hidden=True)
def simulator(port: int, kept: Path) -> None:
    """Serve the demo's Snipe-IT."""
    with one_line():
        run_simulator(port, kept)


@app.command("snipe-it-sync")
def snipe_it_sync() -> None:
    """Bring what was asked for into the tenants' inventories, and prove it there."""
    with one_line():
        run_snipe_it_sync()


@app.command()
def migrate() -> None:
    """Bring the database, and the broker if there is one, to the present schema."""
    from cli.migrating import CannotMigrate, migrate_all

    with one_line(CannotMigrate):
        migrate_all(MigrateSettings.from_environment(), say)


@app.command()
def replay(
    data: Annotated[Path, typer.Argument(help="events of real requests, a gzipped CSV file")],
    at_once: Annotated[int, typer.Option(min=1, max=500, help="cases side by side")] = 32,
) -> None:
    """Drive the system of `quartermaster up` through real events, and say what differs."""
    from cli.embedded_system import port_of
    from cli.replaying import run_replay
    from demo.replay.api import ReplayStopped
    from demo.replay.data_file import MalformedFile

    with one_line(MalformedFile, ReplayStopped):
        settings = UpSettings.from_environment()
        origin = f"http://127.0.0.1:{port_of(settings)}"
        if not run_replay(data, origin, settings.data, at_once):
            raise typer.Exit(1)


@app.command()
def demo(
    patience: Annotated[
        float, typer.Option(min=1, max=3600, help="seconds that any one thing may take")
    ] = 90.0,
) -> None:
    """Play the demo's story against the system of `quartermaster up`, Snipe-IT's outage included."""
    from cli.demo import run_demo
    from cli.embedded_system import port_of
    from demo.story.desk import StoryStopped

    with one_line(StoryStopped):
        settings = UpSettings.from_environment()
        run_demo(f"http://127.0.0.1:{port_of(settings)}", settings.data, patience)


@app.command()
def status() -> None:
    """Say what runs here, and how far everything is; 1 if something is wrong."""
    from cli.embedded_system import settings_of
    from cli.status import show_status

    with one_line():
        settings = UpSettings.from_environment()
        settings_of(settings.data)
        if not show_status(settings, Console()):
            raise typer.Exit(1)


app.add_typer(PARKED, name="parked")
app.add_typer(SNIPE_IT, name="snipe-it")
app.command()(rebuild)
app.command()(verify)


@app.command()
def compose_secrets(folder: Path) -> None:
    """Make up the secrets that compose.yaml reads, in a folder of their own."""
    from cli.compose_secrets import SecretsIncomplete, write_secrets

    with one_line(SecretsIncomplete):
        for path in write_secrets(folder):
            say(str(path))


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="which of them; all if none")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="also write them here")] = None,
) -> None:
    """Measure ourselves beside our peers."""
    from bench.run import UnknownBenchmark
    from bench.run import run as measure

    with one_line(UnknownBenchmark):
        measure(names or [], Console(), json_file)


@app.command()
def catalogue(
    *, check: Annotated[bool, typer.Option(help="only say whether the files still fit")] = False
) -> None:
    """Write the event catalogue and the AsyncAPI document."""
    from cli.catalogue import drifted, write

    if not check:
        for path in write(ROOT):
            say(str(path))
    elif stale := drifted(ROOT):
        print(f"run `make catalogue`: {', '.join(map(str, stale))}", file=sys.stderr)
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
