"""Names of things of the inventory, as answers embed them: from the mirror, when a page is shown.

Read tables hold ids only. A thing that the mirror does not know (any more) has no name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from sqlalchemy import Select, Text, and_, literal, null, union_all

from domain.ids import Id
from infrastructure.inventory import tables as inventory
from query_api.names import Named, Names, any_of
from query_api.reader import Reading

Thing = tuple[str, Id]
"""Its kind and our id."""

ASSET: Final = "asset"
LOCATION: Final = "location"
_TABLES: Final = {
    "model": inventory.models,
    "accessory": inventory.accessories,
    "consumable": inventory.consumables,
    LOCATION: inventory.locations,
}


class NamedThing(TypedDict):
    """A thing with its kind, and with its name and tag if it has them."""

    kind: str
    id: Id
    name: str | None
    tag: str | None
    model: Named | None


@dataclass(frozen=True, slots=True)
class Things:
    """Things by kind and id."""

    by_id: Mapping[Thing, Any]

    def of(self, kind: str, id: Id) -> NamedThing:
        """The thing with its name."""
        row = self.by_id.get((kind, id))
        model: Named | None = None
        if row is not None and row.model_id is not None:
            model = {"id": row.model_id, "name": row.model_name}
        return {
            "kind": kind,
            "id": id,
            "name": None if row is None else row.name,
            "tag": None if row is None else row.tag,
            "model": model,
        }

    def name_of(self, kind: str, id: Id) -> str | None:
        """Its name alone."""
        row = self.by_id.get((kind, id))
        name: str | None = None if row is None else row.name
        return name


@dataclass(frozen=True, slots=True)
class Custodians:
    """Members and locations by their ids."""

    users: Names
    things: Things

    def of(self, kind: str, id: Id) -> dict[str, Any]:
        """The custodian with their name."""
        known = self.things.name_of if kind == LOCATION else self._user_name
        return {"kind": kind, "id": id, "name": known(kind, id)}

    def of_optional(self, custodian: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """As ``of`` for a stored {kind, id}; None for None."""
        return None if custodian is None else self.of(custodian["kind"], custodian["id"])

    def _user_name(self, _kind: str, id: Id) -> str | None:
        return self.users.by_id.get(id)


async def look_up_things(reading: Reading, things: Iterable[Thing]) -> Things:
    """The names of these things, in one question."""
    wanted: dict[str, set[Id]] = {}
    for kind, id in things:
        wanted.setdefault(kind, set()).add(id)
    parts = [
        _assets(reading, sorted(ids)) if kind == ASSET else _others(reading, kind, sorted(ids))
        for kind, ids in sorted(wanted.items())
        if kind == ASSET or kind in _TABLES
    ]
    if not parts:
        return Things({})
    rows = await reading.rows(parts[0] if len(parts) == 1 else union_all(*parts))
    return Things({(row.kind, row.id): row for row in rows})


def _assets(reading: Reading, ids: list[Id]) -> Select[Any]:
    asset, model = inventory.assets.c, inventory.models.c
    of_its_tenant = and_(
        model.tenant_id == asset.tenant_id, model.external_id == asset.model_external_id
    )
    found = reading.scope.select(
        inventory.assets,
        literal(ASSET, Text()).label("kind"),
        asset.id,
        asset.name,
        asset.tag,
        model.id.label("model_id"),
        model.name.label("model_name"),
    )
    return found.outerjoin(inventory.models, of_its_tenant).where(asset.id == any_of(ids))


def _others(reading: Reading, kind: str, ids: list[Id]) -> Select[Any]:
    table = _TABLES[kind]
    return reading.scope.select(
        table,
        literal(kind, Text()).label("kind"),
        table.c.id,
        table.c.name,
        null().label("tag"),
        null().label("model_id"),
        null().label("model_name"),
    ).where(table.c.id == any_of(ids))
