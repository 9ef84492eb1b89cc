"""The server's checks of single values, with its words."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from demo.snipe_it_simulator.calls import whole
from demo.snipe_it_simulator.inventory import Inventory
from demo.snipe_it_simulator.stored import Row

Fields = dict[str, list[str]]
TARGETS = ("user", "asset", "location")
MAC = r"([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}"


def label(name: str) -> str:
    """A field's name as messages give it."""
    return name.replace("_", " ")


def assignee(body: Mapping[str, Any]) -> Fields:
    """One of the three assignees must be there, and be a number."""
    given = [kind for kind in TARGETS if body.get(f"assigned_{kind}") is not None]
    if not given:
        return {f"assigned_{kind}": [_none_given(kind)] for kind in TARGETS}
    return {
        f"assigned_{kind}": [f"The assigned {kind} field must be a number."]
        for kind in given
        if whole(body[f"assigned_{kind}"]) is None
    }


def dates(body: Mapping[str, Any], *names: str) -> Fields:
    """Dates or times in a form that can be read."""
    return {
        name: [f"The {label(name)} field must be a valid date."]
        for name in names
        if body.get(name) is not None and read_time(body[name]) is None
    }


def read_time(value: Any) -> datetime | None:
    """A naive time of a date, a time, or an ISO time whose zone is dropped without a word."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.replace(tzinfo=None)


def read_date(value: Any) -> date | None:
    """The date of what ``read_time`` reads."""
    moment = read_time(value)
    return None if moment is None else moment.date()


def custom_fields(inventory: Inventory, model_id: int, body: Mapping[str, Any]) -> Fields:
    """Custom fields of the model, by their column."""
    return {
        field["db_column"]: [f"The {label(field['db_column'])} field format is invalid."]
        for field in fields_of(inventory, model_id)
        if body.get(field["db_column"]) and not _fits(field["format"], body[field["db_column"]])
    }


def fields_of(inventory: Inventory, model_id: int) -> list[Row]:
    """The custom fields of a model."""
    fieldset = inventory.rows["models"][model_id]["fieldset"]
    found: list[Row] = inventory.fieldsets[fieldset["id"]]["fields"] if fieldset else []
    return found


def _none_given(kind: str) -> str:
    others = " / ".join(f"assigned {one}" for one in _others(kind))
    return f"The assigned {kind} field is required when none of {others} are present."


def _others(kind: str) -> tuple[str, str]:
    return {
        "user": ("asset", "location"),
        "asset": ("user", "location"),
        "location": ("user", "asset"),
    }[kind]


def _fits(form: str, value: Any) -> bool:
    pattern = {"MAC": MAC}.get(form)
    if form.startswith("regex:/"):
        pattern = form.removeprefix("regex:/").rstrip("/")
    return pattern is None or re.fullmatch(pattern.strip("^$"), str(value)) is not None
