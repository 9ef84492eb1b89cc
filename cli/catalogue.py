"""The event catalogue and the AsyncAPI document, made from the code that they describe.

They are walked out of the aggregates' event classes and of the page that says who listens to
what; ``--check`` tells whether the files still say the same.
"""

import builtins
import inspect
import json
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eventsourcing.domain import Aggregate, CanInitAggregate, CanMutateAggregate

from infrastructure.broker import EXCHANGE, PROJECTORS, queue_name
from infrastructure.event_store.topics import AGGREGATES
from infrastructure.messages import CONTENT_TYPE, PREFIX
from projectors.subscriptions import PROJECTIONS

FOLDER: Final = Path("docs") / "generated"
_OF_THE_LIBRARY: Final = frozenset(
    {
        "TOPIC",
        "originator_id",
        "originator_id_type",
        "originator_topic",
        "originator_version",
        "timestamp",
    }
)
_PLAIN: Final = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
_PLAIN_KEY: Final = re.compile(r"[$A-Za-z][A-Za-z0-9_.-]*")
_TIMESTAMP: Final = {
    "type": "object",
    "description": "When it happened, as the event library stores a time.",
    "properties": {
        "_type_": {"const": "datetime_iso"},
        "_data_": {"type": "string", "format": "date-time"},
    },
    "required": ["_type_", "_data_"],
}
_HEADERS: Final[Mapping[str, tuple[str, str, bool]]] = {
    "specversion": ("string", "1.0", True),
    "id": ("string", "Epoch and position: the same however often it is published.", True),
    "source": ("string", "The log.", True),
    "type": ("string", "The event's name.", True),
    "subject": ("string", "The aggregate's id.", True),
    "time": ("string", "When it was recorded, by the database's clock.", True),
    "tenant": ("string", "The tenant's id.", True),
    "position": ("integer", "Its place in the log: 1, 2, 3… without gaps.", True),
    "aggregate": ("string", "The aggregate's id.", True),
    "version": ("integer", "Its place in the aggregate's stream.", True),
    "actor": ("string", "Who gave the command; left out for the system.", False),
    "correlation": ("string", "The request that it goes back to.", True),
    "causation": ("string", "The event that led to it.", False),
    "command": ("string", "The command that it comes from.", True),
    "logepoch": ("string", "The life of the log; another one after a restore.", True),
}


def documents() -> dict[str, str]:
    """The generated files: text by name."""
    return {"events.md": _page(), "asyncapi.yaml": "\n".join(_yaml(_asyncapi())) + "\n"}


def write(root: Path) -> Sequence[Path]:
    """Write the files below ``root``; says which."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in documents()]


def drifted(root: Path) -> Sequence[Path]:
    """The files below ``root`` that are missing, or do not say what the code says."""
    folder = root / FOLDER
    return [folder / name for name, text in documents().items() if _read(folder / name) != text]


def events_of(aggregate: type[Aggregate]) -> Iterator[type[Any]]:
    """The events that an aggregate can have, without what only its library demands."""
    for name, found in vars(aggregate).items():
        is_event = isinstance(found, type) and issubclass(found, CanMutateAggregate)
        if is_event and name != "Event" and not (name == "Created" and not fields_of(found)):
            yield found


def fields_of(event: type[Any]) -> dict[str, Any]:
    """The fields of an event's payload: annotations by name."""
    hints = typing.get_type_hints(event)
    return {name: hint for name, hint in hints.items() if name not in _OF_THE_LIBRARY}


def _name(stored: type[Any]) -> str:
    name: str = stored.TOPIC
    return name


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _page() -> str:
    lines = [
        "# Events",
        "",
        "Everything that the log can hold, made from the code by `quartermaster catalogue`.",
        "Names and fields never change: a change is a new version.",
        "",
    ]
    for aggregate in AGGREGATES:
        lines += [f"## {_name(aggregate)}", "", _said(aggregate), ""]
        for event in events_of(aggregate):
            lines += [f"### `{_name(event)}`", "", _said(event), ""]
            lines += _field_table(event)
            lines += [f"Followed by: {', '.join(_followers(event))}", ""]
    return "\n".join(lines)


def _field_table(event: type[Any]) -> list[str]:
    fields = fields_of(event)
    if not fields:
        return ["No fields.", ""]
    rows = [f"| `{name}` | {_in_words(hint)} |" for name, hint in fields.items()]
    return ["| field | type |", "|---|---|", *rows, ""]


def _in_words(hint: Any) -> str:
    if typing.is_typeddict(hint):
        fields = typing.get_type_hints(hint).items()
        return "{" + ", ".join(f"{name}: {_in_words(inner)}" for name, inner in fields) + "}"
    inner = typing.get_args(hint)
    match typing.get_origin(hint):
        case None:
            return "anything" if hint is Any else _PLAIN[hint]
        case builtins.list:
            return f"list of {_in_words(inner[0])}"
        case builtins.tuple:
            return "[" + ", ".join(_in_words(each) for each in inner) + "]"
        case builtins.dict:
            return f"object of {_in_words(inner[1])}"
        case _:
            return " or ".join(_in_words(each) for each in inner)


def _said(described: type[Any]) -> str:
    """The docstring that was written; a dataclass or the library may have put its own above."""
    for base in described.__mro__:
        text = inspect.cleandoc(vars(base).get("__doc__") or "")
        if text and not text.startswith(f"{base.__name__}("):
            return " ".join(text.split())
    return ""


def _followers(event: type[Any]) -> list[str]:
    topic = _name(event)
    return [
        f"`{projection.name}`"
        for projection in PROJECTIONS
        if projection.every is not None or topic in {_name(each) for each in projection.folds}
    ]


def _asyncapi() -> dict[str, Any]:
    events = [event for aggregate in AGGREGATES for event in events_of(aggregate)]
    names = [_name(event) for event in events]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Quartermaster events",
            "version": "1",
            "description": "The log as messages: CloudEvents 1.0 in AMQP binary form. Outside"
            " subscribers bind a queue of their own with the routing keys that they like.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {"events": _channel(names)},
        "operations": {
            "publish": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "summary": "The relay publishes every event of the log, in its order.",
            },
            **{f"follow-{projection.name}": _follow(projection.name) for projection in PROJECTIONS},
        },
        "components": {
            "messages": {_name(event): _message(event) for event in events},
            "messageTraits": {"cloudEvent": {"headers": _header_schema()}},
        },
    }


def _channel(names: Sequence[str]) -> dict[str, Any]:
    return {
        "address": "{tenant}.{event}",
        "title": "The log",
        "parameters": {
            "tenant": {"description": "The tenant's id, a ULID."},
            "event": {"description": "The event's name."},
        },
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": EXCHANGE, "type": "topic", "durable": True},
            }
        },
    }


def _follow(name: str) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/events"},
        "summary": f"The projection {name}, from the queue {queue_name(PROJECTORS)}.",
    }


def _message(event: type[Any]) -> dict[str, Any]:
    return {
        "name": _name(event),
        "summary": _said(event),
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": _payload_schema(event),
    }


def _header_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            PREFIX + name: {"type": kind, "description": meaning}
            for name, (kind, meaning, _) in _HEADERS.items()
        },
        "required": [PREFIX + name for name, (*_, required) in _HEADERS.items() if required],
    }


def _payload_schema(event: type[Any]) -> dict[str, Any]:
    properties = {name: _schema(hint) for name, hint in fields_of(event).items()}
    if issubclass(event, CanInitAggregate):
        properties["originator_topic"] = {"type": "string"}
    properties["timestamp"] = _TIMESTAMP
    return {"type": "object", "properties": properties, "required": list(properties)}


def _schema(hint: Any) -> dict[str, Any]:
    if typing.is_typeddict(hint):
        fields = typing.get_type_hints(hint)
        return {
            "type": "object",
            "properties": {name: _schema(inner) for name, inner in fields.items()},
            "required": list(fields),
        }
    inner = typing.get_args(hint)
    match typing.get_origin(hint):
        case None:
            return {} if hint is Any else {"type": _PLAIN[hint]}
        case builtins.list:
            return {"type": "array", "items": _schema(inner[0])}
        case builtins.tuple:
            length = {"minItems": len(inner), "maxItems": len(inner)}
            return {"type": "array", "prefixItems": [_schema(each) for each in inner], **length}
        case builtins.dict:
            return {"type": "object", "additionalProperties": _schema(inner[1])}
        case _:
            return _one_of(inner)


def _one_of(hints: Sequence[Any]) -> dict[str, Any]:
    if all(hint in _PLAIN for hint in hints):
        return {"type": [_PLAIN[hint] for hint in hints]}
    return {"anyOf": [_schema(hint) for hint in hints]}


def _yaml(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """YAML in block form; scalars and lists are written as JSON writes them, which YAML reads."""
    for key, inner in value.items():
        name = f"{indent}{key if _PLAIN_KEY.fullmatch(key) else json.dumps(key)}:"
        if isinstance(inner, Mapping) and inner:
            yield name
            yield from _yaml(inner, indent + "  ")
        else:
            yield f"{name} {json.dumps(inner, ensure_ascii=False)}"
