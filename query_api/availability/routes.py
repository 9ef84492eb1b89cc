"""GET /availability: how many units of something are free over a period, or why nobody can say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Response
from pydantic import BaseModel

from domain.errors import NotFound
from domain.ids import Id
from domain.permissions import ASSIGNMENTS_READ, INVENTORY_READ
from query_api import answers
from query_api.availability.selects import MODEL, Wanted, location_number, supplies_of, units_of
from query_api.availability.windows import Supply, overdue, windows
from query_api.errors import BadParameter
from query_api.inventory_names import LOCATION, Things, look_up_things
from query_api.inventory_standing import NOT_CONNECTED, NOT_MIRRORED, read_standing
from query_api.reader import Reading, reads
from query_api.routing import object_responses, router
from query_api.shapes import IdFilter, NamedModel, Time

availability = router("inventory")

LONGEST: Final = timedelta(days=366)


class AvailableItem(BaseModel):
    """What was asked about."""

    kind: Literal["asset", "accessory", "consumable", "model"]
    id: Id
    name: str | None


class WindowModel(BaseModel):
    """A time in which the same number of units is free; without ``until``, a moment."""

    begins: datetime
    until: datetime | None
    available: int


class Availability(BaseModel):
    """``available`` units are free all through the period.

    That is what the mirror showed at ``as_of``, without what is held or being issued or taken
    back. ``known`` is false where that is too old to be believed: then ``reason`` says why, and
    there are no figures. ``overdue`` units should be back by now, and are out as the inventory last
    confirmed, or a manager vouched; they are counted as coming back.
    """

    item: AvailableItem
    location: NamedModel | None
    begins: datetime
    until: datetime | None
    known: bool
    reason: Literal["not_connected", "not_mirrored", "mirror_stale", "circuit_open"] | None
    as_of: datetime | None
    total: int | None
    available: int | None
    overdue: int | None
    windows: list[WindowModel]


@dataclass(frozen=True, slots=True)
class _Question:
    kind: str
    id: Id
    begins: datetime | None
    until: datetime | None
    location_id: Id | None


async def _question(
    item_kind: Annotated[
        Literal["asset", "accessory", "consumable", "model"] | None, Query()
    ] = None,
    item_id: IdFilter = None,
    model_id: IdFilter = None,
    begins: Annotated[
        Time | None, Query(alias="from", description="RFC 3339, included. Now, if not given.")
    ] = None,
    until: Annotated[
        Time | None, Query(description="RFC 3339, not included. The very moment, if not given.")
    ] = None,
    location: IdFilter = None,
) -> _Question:
    """What is asked. Raises ``BadParameter``."""
    if model_id is not None and (item_id is not None or item_kind is not None):
        raise BadParameter("model_id", "Ask for an item or for a model, not for both.")
    if model_id is not None:
        return _Question(MODEL, model_id, begins, until, location)
    if item_kind is None:
        raise BadParameter("item_kind", "Say what it is: asset, accessory, consumable or model.")
    if item_id is None:
        raise BadParameter("item_id", "Say which one it is.")
    return _Question(item_kind, item_id, begins, until, location)


@availability.get(
    "/availability",
    operation_id="read_availability",
    response_model=Availability,
    responses=object_responses(403, 404),
)
async def read_availability(
    reading: Annotated[Reading, reads(INVENTORY_READ, ASSIGNMENTS_READ, projections=("custody",))],
    question: Annotated[_Question, Depends(_question)],
) -> Response:
    """How many units are free over a period, by the mirror and by what is held; or unknown."""
    begins = question.begins or reading.at
    _check_period(begins, question.until)
    standing = await read_standing(reading)
    doubt = standing.doubt(reading.at)
    supplies = await _supplies(reading, question)
    if supplies is None and doubt not in (NOT_CONNECTED, NOT_MIRRORED):
        raise NotFound("There is no such thing in the inventory.")
    figures = (
        _unknown(doubt)
        if doubt is not None or supplies is None
        else _known(supplies, begins, question.until, reading.at)
    )
    body = {
        **await _named(reading, question),
        "begins": begins,
        "until": question.until,
        "as_of": standing.as_of,
        **figures,
    }
    return answers.one(reading, body, reading.position, names=True)


def _check_period(begins: datetime, until: datetime | None) -> None:
    if until is None:
        return
    if until <= begins:
        raise BadParameter("until", "This must be later than the beginning.")
    if until - begins > LONGEST:
        raise BadParameter("until", f"Ask for {LONGEST.days} days at most.")


async def _supplies(reading: Reading, question: _Question) -> Sequence[Supply] | None:
    place: int | None = None
    if question.location_id is not None:
        place = await location_number(reading, question.location_id)
        if place is None:
            raise BadParameter("location", "There is no such location.")
    return await supplies_of(reading, Wanted(question.kind, question.id, place))


async def _named(reading: Reading, question: _Question) -> dict[str, Any]:
    wanted = [(question.kind, question.id)]
    if question.location_id is not None:
        wanted.append((LOCATION, question.location_id))
    things = await look_up_things(reading, wanted)
    item = {"kind": question.kind, "id": question.id}
    return {
        "item": {**item, "name": things.name_of(question.kind, question.id)},
        "location": _location(question.location_id, things),
    }


def _location(location_id: Id | None, things: Things) -> dict[str, Any] | None:
    if location_id is None:
        return None
    return {"id": location_id, "name": things.name_of(LOCATION, location_id)}


def _unknown(doubt: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("total", "available", "overdue"))
    return {"known": False, "reason": doubt, **nothing, "windows": []}


def _known(
    supplies: Sequence[Supply], begins: datetime, until: datetime | None, at: datetime
) -> dict[str, Any]:
    found = windows(supplies, begins, until, at)
    return {
        "known": True,
        "reason": None,
        "total": units_of(supplies),
        "available": min(window.available for window in found),
        "overdue": overdue(supplies, at),
        "windows": [
            {"begins": window.begins, "until": window.until, "available": window.available}
            for window in found
        ],
    }
