"""The event catalogue and the AsyncAPI document say what the code says."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from cli import catalogue
from infrastructure.event_store.recorded import RecordedEvent
from infrastructure.event_store.topics import AGGREGATES, encode
from infrastructure.ids import from_uuid, new_id
from infrastructure.messages import headers_of
from tests.builders.custody import STORIES
from tests.builders.people import ADMINISTRATOR, NOW, TENANT
from tests.builders.requisitions import IN_STATE, Event, told

ROOT: Final = Path(catalogue.__file__).parent.parent


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(catalogue.documents()["asyncapi.yaml"])
    return document


def _some_events() -> list[Event]:
    return [event for make in IN_STATE.values() for event in told(make())]


def _events_of_custody() -> list[Any]:
    """One event of every name that random custody has led to."""
    stories = [build(random.Random(seed)) for build in STORIES for seed in range(30)]
    for story in stories:
        for _ in range(60):
            story.step()
    happened: list[Any] = [
        event
        for story in stories
        for aggregate in story.aggregates
        for event in aggregate.pending_events
    ]
    return list({event.TOPIC: event for event in happened}.values())


def _recorded(event: Event) -> RecordedEvent:
    topic, state = encode(event)
    return RecordedEvent(
        position=1,
        tenant_id=TENANT,
        actor_id=ADMINISTRATOR.user_id,
        correlation_id="c",
        causation_id="e",
        command_id=new_id(),
        recorded_at=NOW,
        aggregate_id=from_uuid(event.originator_id),
        version=event.originator_version,
        topic=topic,
        state=state,
        originator_id=event.originator_id,
    )


def test_the_generated_files_are_up_to_date() -> None:
    assert catalogue.drifted(ROOT) == [], "run `quartermaster catalogue`"


def test_a_file_that_is_missing_or_edited_has_drifted(tmp_path: Path) -> None:
    page, document = catalogue.write(tmp_path)
    assert catalogue.drifted(tmp_path) == []
    page.write_text(page.read_text() + "edited")
    document.unlink()
    assert catalogue.drifted(tmp_path) == [page, document]


def test_every_event_is_on_the_page_with_a_sentence_and_its_followers() -> None:
    page = catalogue.documents()["events.md"]
    for aggregate in AGGREGATES:
        for event in catalogue.events_of(aggregate):
            heading = f"### `{event.TOPIC}`\n\n"
            assert page.count(heading) == 1
            entry = page.partition(heading)[2].partition("\n###")[0]
            assert entry[0].isupper()
            assert "Followed by: `" in entry


EVENTS: Final = [*_some_events(), *_events_of_custody()]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: str(event.TOPIC))
def test_a_message_of_the_system_fits_the_document(event: Event) -> None:
    recorded = _recorded(event)
    components = _document()["components"]
    message = components["messages"][recorded.topic]
    jsonschema.validate(json.loads(recorded.state), message["payload"])
    headers = headers_of(new_id(), recorded)
    schema = components["messageTraits"]["cloudEvent"]["headers"]
    jsonschema.validate(headers, schema)
    assert headers.keys() == schema["properties"].keys()


def test_a_payload_that_lacks_a_field_does_not_fit() -> None:
    recorded = _recorded(_some_events()[0])
    schema = _document()["components"]["messages"][recorded.topic]["payload"]
    payload = json.loads(recorded.state)
    del payload["purpose"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(payload, schema)
