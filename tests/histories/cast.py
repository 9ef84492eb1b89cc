"""Who and what there is in a history: things, people and places, ours and the inventory's."""

from datetime import datetime
from typing import Final

from domain.assignments.content import ACCESSORY, ASSET, CONSUMABLE, Custodian, Item
from domain.identity.changes import ProjectAdded
from domain.ports import InventoryStanding
from infrastructure.ids import derived_id
from infrastructure.projection_rows import Row
from tests.builders.desk import Desk
from tests.builders.people import PROJECT, TENANT, with_roles
from tests.builders.requisitions import MODEL
from tests.builders.world import World
from tests.histories.truth import Holder

ASSETS: Final = (1, 2, 3, 7, 8)
COUNTED: Final = ((ACCESSORY, 1), (ACCESSORY, 2), (CONSUMABLE, 1))
STOCK: Final = {(ACCESSORY, 1): 10, (ACCESSORY, 2): 3, (CONSUMABLE, 1): 40}
TABLES: Final = {ACCESSORY: "accessories", CONSUMABLE: "consumables"}
PEOPLE: Final = (2, 3, 4, 5)
PLACES: Final = (1, 2)
LABELS: Final = {"lost": 4, "stolen": 4, "repair": 5, "deployable": 2}
OFFLINE: Final = with_roles("offline technician", "inventory_manager")


def item(kind: str, external_id: int) -> Item:
    """A thing of the inventory by our id."""
    return Item(kind, derived_id("history", kind, str(external_id)))


def custodian(kind: str, external_id: int) -> Custodian:
    """A person or a place by our id."""
    return Custodian(kind, derived_id("history", kind, str(external_id)))


EVERYBODY: Final = tuple(custodian("user", number) for number in PEOPLE) + tuple(
    custodian("location", number) for number in PLACES
)
USERS: Final = EVERYBODY[: len(PEOPLE)]
_HOLDERS: Final = dict(
    zip(
        (one.id for one in EVERYBODY),
        [("user", number) for number in PEOPLE] + [("location", number) for number in PLACES],
        strict=True,
    )
)
_ASSETS: Final = {item(ASSET, number).id: number for number in ASSETS}


def whoever_may_have(thing: Item) -> tuple[Custodian, ...]:
    """Consumables are for people."""
    return USERS if thing.kind == CONSUMABLE else EVERYBODY


def number_of(who: Custodian) -> int:
    """Whose number in the inventory it is."""
    return _HOLDERS[who.id][1]


def asset_number(row: Row) -> int:
    """Which asset an assignment's row is about."""
    return _ASSETS[row["item_id"]]


def ours(row: Row) -> Holder:
    """Whom the inventory must name where an assignment's row says that it is out."""
    return _HOLDERS[row["custodian_id"]]


class LivingDesk(Desk):
    """The desk of a world: its store, its facts, its time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = world.store
        self.facts = world.facts
        self._numbers = 0
        self.facts.standing = InventoryStanding(
            connected=True, available=True, status_labels=LABELS
        )
        self.store.rows.append(ProjectAdded(TENANT, PROJECT, "Project", 0))
        for number in ASSETS:
            self.facts.has_item(ASSET, item(ASSET, number).id, number, model_id=MODEL)
        for (kind, number), units in STOCK.items():
            fields = {"qty": units}
            world.by_hand(do="set", table=TABLES[kind], id=number, fields=fields)
        self.see_stock()
        for who in EVERYBODY:
            self.facts.has_custodian(who.kind, who.id, number_of(who))

    @property
    def at(self) -> datetime:  # type: ignore[override]  # the time passes by itself here
        """Now."""
        return self.world.clock()

    def see_stock(self) -> None:
        """Have the mirror swept: how many units are left, as of now."""
        for kind, number in COUNTED:
            left = self.world.simulator.inventory.remaining(TABLES[kind], number)
            self.facts.has_item(kind, item(kind, number).id, number, remaining=left)
