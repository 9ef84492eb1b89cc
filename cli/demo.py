"""``quartermaster demo``: the demo's story, played against the system that runs here."""

from pathlib import Path

import uvloop
from rich.console import Console

from cli.embedded_system import DataFolder
from demo.story.desk import StoryStopped
from demo.story.run import play


def run_demo(origin: str, data: Path, patience_s: float) -> None:
    """Play it at ``origin``, with the demo that ``up`` made in ``data``. Raises ``StoryStopped``."""
    folder = DataFolder(data.expanduser().absolute())
    if not folder.has_demo:
        raise StoryStopped(
            f"there is no demo in {folder.path}. Start the system with `make up`, and give QM_DATA"
            " if its data is elsewhere."
        )
    story = play(
        origin,
        folder.demo_password(),
        folder.inventory_url,
        patience_s=patience_s,
        console=Console(),
    )
    uvloop.run(story)
