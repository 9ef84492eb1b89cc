"""One replay from file to report; what the command line calls."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from demo.replay.api import Api
from demo.replay.data_file import read_cases
from demo.replay.driver import Outcome, drive
from demo.replay.mapping import CasePlan, plan_all
from demo.replay.report import look, show
from demo.replay.tenant import Crew, password_in, prepare


async def replay(data: Path, origin: str, folder: Path, *, at_once: int, console: Console) -> bool:
    """Drive the system at ``origin`` through the file ``data``; True if nothing differs.

    ``folder`` keeps the password of the replay's users between runs. Raises ``MalformedFile`` for
    a bad file and ``ReplayStopped`` where the system does not answer; both say what to do.
    """
    cases = read_cases(data)
    plans = plan_all(cases)
    password = password_in(folder)
    async with Api(origin) as api:
        await api.reach()
        console.print(f"Replaying {len(plans):,} cases of {data} at {origin}", highlight=False)
        crew = await prepare(api, plans, password)
        outcome = await _drive(api, crew, plans, at_once, console)
        found = await look(api, crew, outcome.position)
    return show(console, cases, plans, outcome, found)


async def _drive(
    api: Api, crew: Crew, plans: Sequence[CasePlan], at_once: int, console: Console
) -> Outcome:
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("commands", total=sum(len(plan.commands) for plan in plans))
        return await drive(api, crew, plans, at_once=at_once, on_command=lambda: bar.advance(task))


class _RateColumn(ProgressColumn):
    """Commands a second, as of late."""

    def render(self, task: Task) -> Text:
        """Nothing until there is a rate."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
