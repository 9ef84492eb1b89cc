"""The simulator against every recording of the endpoints that the client uses."""

import re

import pytest

from tests.demo.replay import play
from tests.demo.storylines import STORIES, Story, stories_of
from tests.snipe_it_recordings import recordings

TRIMMED = "the recorder cut the page short; a client only sees that it is HTML"
TIES = "rows of the same second have no defined order on the live server"
REQUESTS = "made by POST /account/request, which the client never calls"

DEVIATIONS = {
    "ratelimit.429.no-accept": (TRIMMED, r"body: "),
    "maintenance.503.plain-down.no-accept": (TRIMMED, r"body: "),
    "dbdown.followed-redirect.setup": (TRIMMED, r"body: "),
    "hardware-list.default": (TIES, r"body\.rows\[[12]\]\."),
    "hardware-list.limit-garbage": (TIES, r"body\.rows\[[12]\]\."),
    "hardware-list.sort-updated_at-desc": (TIES, r"body\.rows\[[12]\]\."),
    "hardware-list.sort-unknown": (TIES, r"body\.rows\[[01]\]\."),
    "account-request.after.activity": (REQUESTS, r"body\.(rows|total): 7 "),
}
"""Recordings that the simulator does not repeat: why, and which differences are meant."""


def _named(story: Story) -> str:
    return next(step for step in story.steps if isinstance(step, str))


@pytest.mark.parametrize("story", stories_of(set(recordings())), ids=_named)
async def test_each_recorded_exchange_is_answered_as_the_live_server_did(story: Story) -> None:
    for name, differences in (await play(story)).items():
        if name not in DEVIATIONS:
            assert differences == [], name


@pytest.mark.parametrize("name", DEVIATIONS)
async def test_each_deviation_listed_is_there_and_no_larger_than_said(name: str) -> None:
    stories = stories_of(set(recordings()))
    (story,) = [one for one in stories if name in one.steps]
    _, allowed = DEVIATIONS[name]
    differences = (await play(story))[name]
    assert differences
    assert [one for one in differences if not re.match(allowed, one)] == []


def test_every_recording_is_driven_exactly_once() -> None:
    names = set(recordings())
    driven = [step for one in stories_of(names) for step in one.steps if isinstance(step, str)]
    assert sorted(driven) == sorted(names)


def test_every_story_tells_of_recordings_that_exist() -> None:
    told = {step for story in STORIES for step in story.steps if isinstance(step, str)}
    assert told <= set(recordings())
