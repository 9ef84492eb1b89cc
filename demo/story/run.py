"""The whole story, told on a console."""

from rich.console import Console

from demo.story import scenes
from demo.story.desk import Desk
from demo.story.outage import DemoSnipeIt
from demo.story.stage import Stage
from demo.story.telling import Teller


async def play(
    origin: str, password: str, inventory_url: str, *, patience_s: float, console: Console
) -> None:
    """Play it against the system at ``origin``, with the demo's Snipe-IT at ``inventory_url``.

    Raises ``StoryStopped`` with the line that says why it cannot go on.
    """
    async with Desk(origin, password) as desk, DemoSnipeIt(inventory_url) as snipe_it:
        stage = Stage(desk, Teller(console), patience_s)
        first, second, other = await scenes.find_free_assets(stage, inventory_url)
        wish = await scenes.request(stage, (first, second))
        await scenes.approve(stage, wish)
        short, long = await scenes.allocate(stage, wish)
        await scenes.issue(stage, wish, (short, long))
        await scenes.become_overdue(stage, short)
        await scenes.return_damaged(stage, short)
        bought = await scenes.break_down(stage, snipe_it, long, other)
        late = await scenes.come_back(stage, snipe_it, long, other)
        await scenes.come_to_rest(stage, (short, long, late), [(wish.id, None), bought])
        stage.tell.ends("Everything that was asked for is done, proved in Snipe-IT, and at rest.")
