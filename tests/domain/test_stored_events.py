"""Names and fields of stored events are a contract with every log ever written.

A change of ``events.json`` in a diff means: events that are stored already can no longer be read
as they were. Add an event, or a new version of one, instead.
"""

import json
import typing
from pathlib import Path
from typing import Any, Final

from eventsourcing.domain import Aggregate, CanMutateAggregate
from eventsourcing.utils import get_topic, resolve_topic

from infrastructure.event_store.topics import AGGREGATES

FROZEN: Final = Path(__file__).parent / "events.json"
OF_THE_LIBRARY: Final = frozenset(
    {
        "originator_id",
        "originator_id_type",
        "originator_version",
        "originator_topic",
        "timestamp",
        "TOPIC",
    }
)


def _event_classes(aggregate: type[Aggregate]) -> list[type]:
    return [
        found
        for name, found in vars(aggregate).items()
        if isinstance(found, type)
        and issubclass(found, CanMutateAggregate)
        and name not in ("Event", "Created" if _never_triggered(aggregate) else "")
    ]


def _never_triggered(aggregate: type[Aggregate]) -> bool:
    """Whether ``Created`` is there only because the library demands it."""
    created = vars(aggregate)["Created"]
    return not set(typing.get_type_hints(created)) - OF_THE_LIBRARY


def _described(hint: Any) -> Any:
    if typing.is_typeddict(hint):
        return {name: _described(field) for name, field in typing.get_type_hints(hint).items()}
    if typing.get_origin(hint) in (list, tuple):
        return [_described(inner) for inner in typing.get_args(hint)]
    if typing.get_origin(hint) is dict:
        key, value = typing.get_args(hint)
        return {f"any {_described(key)}": _described(value)}
    if inner := typing.get_args(hint):
        described = [_described(each) for each in inner]
        if all(isinstance(each, str) for each in described):
            return " | ".join(sorted(described))
        return {"one of": described}
    return "None" if hint is type(None) else hint.__name__


def _fields(event: type) -> dict[str, Any]:
    hints = typing.get_type_hints(event)
    return {name: _described(hints[name]) for name in hints if name not in OF_THE_LIBRARY}


def _today() -> dict[str, Any]:
    return {
        get_topic(event): _fields(event)
        for aggregate in AGGREGATES
        for event in _event_classes(aggregate)
    }


def test_the_names_and_fields_of_stored_events_never_change() -> None:
    assert _today() == json.loads(FROZEN.read_text())


def test_a_stored_name_leads_to_the_class_that_changes_the_aggregate() -> None:
    for aggregate in AGGREGATES:
        for event in _event_classes(aggregate):
            assert resolve_topic(get_topic(event)) is event


def test_a_stored_name_says_aggregate_fact_and_version() -> None:
    for aggregate in AGGREGATES:
        for event in _event_classes(aggregate):
            kind, fact, version = get_topic(event).split(".")
            assert kind == get_topic(aggregate)
            assert fact == fact.lower()
            assert version.startswith("v")


def test_payloads_hold_plain_values() -> None:
    plain = {"str", "int", "bool", "None", "Any"}

    def check(described: Any) -> None:
        if isinstance(described, dict):
            for inner in described.values():
                check(inner)
        elif isinstance(described, list):
            for inner in described:
                check(inner)
        else:
            assert set(described.split(" | ")) <= plain, described

    check(_today())
