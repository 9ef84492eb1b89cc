"""How the demo tenant is connected to the Snipe-IT of the demo."""

from typing import Final

from demo.snipe_it_simulator.access import DEMO_TOKEN

TOKEN_SOURCE: Final = "env:QM_SNIPE_IT_TOKEN_DEMO"  # noqa: S105  a place, not a token
TOKEN: Final = DEMO_TOKEN
STATUS_LABELS: Final = {
    "deployable": 1,
    "archived": 3,
    "repair": 5,
    "retired": 3,
    "disposed": 6,
    "lost": 7,
    "stolen": 7,
}
"""What the labels of the demo's inventory are for."""
