"""Commands about the read tables: what is parked, whether they are right, and making them anew."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Annotated, Any, Final, TypeVar

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cli.errors import one_line
from cli.progress import bar
from infrastructure.errors import StoreUnavailable
from infrastructure.settings import ProjectorSettings, RebuildSettings, UpSettings

T = TypeVar("T")

PARKED: Final = typer.Typer(help="Events that a projection could not apply.", no_args_is_help=True)
_LONGEST: Final = timedelta(hours=12)


@PARKED.command("list")
def list_parked() -> None:
    """List them, in the order of the log."""
    from projectors.parked import parking

    async def work() -> None:
        async with parking(_projector_url()) as parked:
            events = await parked.events()
        table = Table("projection", "position", "aggregate", "type", "attempts", "since", "error")
        for event in events:
            table.add_row(
                event.projection,
                str(event.position),
                event.aggregate_id,
                event.type,
                str(event.attempts),
                f"{event.parked_at:%Y-%m-%d %H:%M:%S}" if event.parked_at else "",
                event.error,
            )
        Console().print(table if events else "nothing is parked")

    _run(work)


@PARKED.command()
def retry(
    projection: Annotated[str | None, typer.Argument(help="all if none")] = None,
    aggregate: Annotated[str | None, typer.Argument(help="id of the aggregate")] = None,
) -> None:
    """Apply parked events again, of one aggregate or of all."""
    from projectors.parked import NotParked, parking

    if (projection is None) != (aggregate is None):
        raise typer.BadParameter("name the projection and the aggregate, or neither")

    async def work() -> None:
        async with parking(_projector_url()) as parked:
            if projection is None or aggregate is None:
                results = await parked.retry_all()
            else:
                results = [await parked.retry(projection, aggregate)]
        applied, left = sum(one.applied for one in results), sum(one.left for one in results)
        print(f"{applied} applied, {left} still parked")
        for one in results:
            if one.error is not None:
                print(one.error)
        if left:
            raise typer.Exit(1)

    _run(work, NotParked)


@PARKED.command()
def skip(
    projection: Annotated[str, typer.Argument()],
    position: Annotated[int, typer.Argument(help="position of the event in the log", min=1)],
) -> None:
    """Pass over a parked event for good, and apply the later ones of its aggregate."""
    from projectors.parked import NotParked, parking

    async def work() -> None:
        async with parking(_projector_url()) as parked:
            result = await parked.skip(projection, position)
        print(f"skipped; {result.applied} applied, {result.left} still parked")

    _run(work, NotParked)


def rebuild(
    tables: Annotated[list[str] | None, typer.Argument(help="projections; all if none")] = None,
) -> None:
    """Make read tables anew from the log, beside the live ones, and switch to them."""
    from infrastructure.projection_bulk import Busy
    from projectors.rebuild import RebuildRefused
    from projectors.rebuild import rebuild as run_rebuild
    from projectors.subscriptions import PROJECTIONS

    chosen = [one for one in PROJECTIONS if not tables or one.name in tables]
    if unknown := set(tables or ()) - {one.name for one in chosen}:
        raise typer.BadParameter(f"there is no projection {', '.join(sorted(unknown))}")
    with _watched() as watcher:
        done = _run(
            lambda: run_rebuild(_rebuild_url(), chosen, watcher=watcher), Busy, RebuildRefused
        )
    print(
        f"{done.events} events replayed; the tables are at {done.position};"
        f" {done.parked} events are parked"
    )


def verify() -> None:
    """Compare the live read tables with a fresh replay of the log; 1 if they differ."""
    from infrastructure.projection_bulk import Busy
    from projectors.verify import verify as run_verify

    with _watched() as watcher:
        found = _run(lambda: run_verify(_rebuild_url(), watcher=watcher), Busy)
    for name, position in found.positions.items():
        print(f"{name}: at {position} of {found.head}")
    for difference in found.differences:
        print(difference)
    print("no difference" if found.is_sound else f"{len(found.differences)} differences")
    if not found.is_sound:
        raise typer.Exit(1)


@contextmanager
def _watched() -> Iterator[Callable[[int, int], None]]:
    """Shows how many events have been read, and of how many."""
    with bar(Console(stderr=True), "events read") as update:
        yield lambda read, of: update(completed=read, total=of)


def _run(work: Callable[[], Coroutine[Any, Any, T]], *expected: type[Exception]) -> T:
    """What the work returns; its expected errors end the command with their line."""
    from cli.embedded_system import settings_of

    with one_line(StoreUnavailable, *expected):
        settings_of(UpSettings.from_environment().data)
        try:
            return asyncio.run(asyncio.wait_for(work(), _LONGEST.total_seconds()))
        except (psycopg.OperationalError, OSError, TimeoutError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreUnavailable(f"the database cannot be used: {said}") from error


def _projector_url() -> str:
    return ProjectorSettings.from_environment().projector_database_url.get_secret_value()


def _rebuild_url() -> str:
    return RebuildSettings.from_environment().rebuild_database_url.get_secret_value()
