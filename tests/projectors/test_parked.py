"""Parked events are seen, tried again in order, or passed over for good."""

from collections.abc import Callable

import pytest

from infrastructure.projection_store import ProjectionStore
from projectors.inbox import Inbox
from projectors.parked import NotParked, Parking
from tests.builders import requisitions as build
from tests.builders.log import EPOCH, MemoryLog
from tests.builders.people import REQUESTER
from tests.projectors.conftest import Table

Inboxes = Callable[..., Inbox]
STATE = "SELECT state, version FROM read.requisitions"
SPOILT = 3


class SpoiltLog(MemoryLog):
    """A log with an event that cannot be read, and how it should have been."""

    sound = b""


@pytest.fixture
async def spoilt(inbox_of: Inboxes) -> SpoiltLog:
    """A fulfilled requisition whose third event, of its approval, could not be read."""
    log = SpoiltLog()
    log.append(build.told(build.fulfilled()))
    log.sound = log.events[SPOILT - 1].state
    log.spoil(SPOILT, state=b"{")
    inbox = inbox_of(log)
    await inbox.open()
    await inbox.take(EPOCH, log.events)
    return log


async def test_parked_events_are_listed_in_order(store: ProjectionStore, spoilt: SpoiltLog) -> None:
    parked = await Parking(store, spoilt).events()

    assert [event.position for event in parked] == list(range(SPOILT, len(spoilt.events) + 1))
    assert parked[0].error.startswith("MapperDeserialisationError")


async def test_retrying_what_is_mended_applies_all_events_in_order(
    store: ProjectionStore, spoilt: SpoiltLog, table: Table
) -> None:
    spoilt.spoil(SPOILT, state=spoilt.sound)
    parking = Parking(store, spoilt)

    retried = await parking.retry("requisitions", spoilt.events[0].aggregate_id)

    assert (retried.applied, retried.left) == (len(spoilt.events) - 2, 0)
    assert table(STATE) == [("fulfilled", len(spoilt.events))]
    assert await parking.events() == []


async def test_retrying_what_is_not_mended_leaves_it_parked_and_counts(
    store: ProjectionStore, spoilt: SpoiltLog, table: Table
) -> None:
    parking = Parking(store, spoilt)

    (retried,) = await parking.retry_all()

    assert (retried.applied, retried.left) == (0, len(spoilt.events) - 2)
    assert table(STATE) == [("submitted", 2)]
    assert (await parking.events())[0].attempts == 6


async def test_skipping_passes_over_one_event_and_applies_the_later_ones(
    store: ProjectionStore, inbox_of: Inboxes, table: Table
) -> None:
    log = MemoryLog()
    requisition = build.drafted()
    for purpose in ("one", "two", "three"):
        requisition.edit(build.asked(REQUESTER), purpose=purpose)
    log.append(build.told(requisition))
    log.spoil(2, topic="requisition.teleported.v1")
    inbox = inbox_of(log)
    await inbox.open()
    await inbox.take(EPOCH, log.events)

    retried = await Parking(store, log).skip("requisitions", 2)

    assert (retried.applied, retried.left) == (2, 0)
    assert table("SELECT purpose, version FROM read.requisitions") == [("three", 4)]
    assert table("SELECT position FROM read.skipped_events") == [(2,)]


async def test_only_the_first_parked_event_of_an_aggregate_can_be_skipped(
    store: ProjectionStore, spoilt: SpoiltLog
) -> None:
    parking = Parking(store, spoilt)

    with pytest.raises(NotParked, match="waits for the one at 3"):
        await parking.skip("requisitions", SPOILT + 1)
    with pytest.raises(NotParked, match="no parked event"):
        await parking.skip("requisitions", 1)
    with pytest.raises(NotParked, match="no projection"):
        await parking.skip("nothing", 1)
