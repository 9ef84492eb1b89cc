"""A lab whose connection to its inventory may change, as that of the desk must not."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from infrastructure.ids import new_id
from tests.builders.inventory import InventoryTables
from tests.fixtures.postgres import Database
from tests.flows.live import INVENTORY_URL, Live, sign_up

CONNECTION: Final[Mapping[str, Any]] = {
    "base_url": INVENTORY_URL,
    "token_source": "env:QM_SNIPE_IT_TOKEN",
    "status_labels": {"deployable": 2, "repair": 5},
}


class InventoryElsewhere:
    """Its connection, and rooms of its inventory."""

    def __init__(self, live: Live, database: Database) -> None:
        self.manager = sign_up(live, "nora", "Neighbours")
        self._tables = InventoryTables(database, str(self.manager.get("/me")["tenant"]["id"]))
        self._numbers = count(1)
        self.version()

    def version(self) -> int:
        """The version that its connection is at."""
        receipt = self.manager.command("PUT", "/inventory/connection", CONNECTION)
        assert receipt.is_success, receipt.text
        return int(receipt.json()["version"])

    def room(self) -> int:
        """The number of a room that no id stands for."""
        number = next(self._numbers)
        self._tables.put_location(number)
        return number

    def mapped_room(self) -> str:
        """The id of a room that it stands for."""
        id = new_id()
        self._tables.put_location(next(self._numbers), id)
        return id
