"""The table that ``make bench`` prints: ours beside a peer's, the ratio, the goal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    ``ours`` and ``peer`` are in ``unit``; ``ratio`` is what the goal is about, where it is about
    one. ``met`` is None for a figure without a goal. ``note`` says what else there is to know.
    """

    what: str
    ours: float
    unit: str
    peer_name: str = ""
    peer: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    note: str = ""


def at_least(
    what: str, ours: float, unit: str, peer_name: str, peer: float, goal: float, note: str = ""
) -> Figure:
    """A figure that has to be ``goal`` times the peer's, or more."""
    ratio = ours / peer
    return Figure(
        what, ours, unit, peer_name, peer, ratio, f"≥ {goal:g} times", ratio >= goal, note
    )


def at_most(
    what: str, ours: float, unit: str, peer_name: str, peer: float, goal: float, note: str = ""
) -> Figure:
    """A figure that may be ``goal`` times the peer's at most."""
    ratio = ours / peer
    return Figure(
        what, ours, unit, peer_name, peer, ratio, f"≤ {goal:g} times", ratio <= goal, note
    )


def below(what: str, ours: float, unit: str, goal: float, note: str = "") -> Figure:
    """A figure that may be ``goal`` at most."""
    return Figure(what, ours, unit, goal=f"≤ {goal:g} {unit}", met=ours <= goal, note=note)


def above(what: str, ours: float, unit: str, goal: float, note: str = "") -> Figure:
    """A figure that has to be ``goal`` or more."""
    return Figure(what, ours, unit, goal=f"≥ {goal:g} {unit}", met=ours >= goal, note=note)


def say(line: str) -> None:
    """Tell whoever watches how far a benchmark is."""
    print(f"  {line}", flush=True)


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Print one table."""
    table = Table("what", title=title)
    for column in ("ours", "peer", "ratio"):
        table.add_column(column, justify="right")
    for column in ("goal", "", "note"):
        table.add_column(column)
    for figure in figures:
        table.add_row(
            figure.what,
            f"{_plain(figure.ours)} {figure.unit}",
            "" if figure.peer is None else f"{_plain(figure.peer)} {figure.peer_name}",
            "" if figure.ratio is None else f"{figure.ratio:.2f}",
            figure.goal,
            _verdict(figure),
            figure.note,
        )
    console.print(table)


def write(path: Path, tables: dict[str, Sequence[Figure]]) -> None:
    """Write all tables to ``path`` as JSON."""
    content = {title: [asdict(figure) for figure in figures] for title, figures in tables.items()}
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - of digits


def _verdict(figure: Figure) -> str:
    if figure.met is None:
        return ""
    return "met" if figure.met else "MISSED"
