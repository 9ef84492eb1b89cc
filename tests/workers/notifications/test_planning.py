"""The log says whom to tell: once for each event, whoever looks and however often."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.ports import Clock
from infrastructure.clock import utc_now
from infrastructure.event_store.log_reader import LogReader, LogShorter
from infrastructure.ids import new_id, to_uuid
from infrastructure.notifications.planning_store import PlanningStore
from infrastructure.postgres import Pool, pool_of
from tests.builders import told
from tests.fixtures.postgres import Database
from tests.workers.notifications.scene import Scene
from workers.notifications.planning import Planner

EVERYTHING = "SELECT id, position, recipient_id FROM notifications.deliveries ORDER BY 1"
REWIND = "UPDATE notifications.positions SET position = 0"


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    async with pool_of(database.url("worker"), max_size=4) as made:
        yield made


def planner_on(pool: Pool, clock: Clock = utc_now, *, letters: bool = True) -> Planner:
    return Planner(LogReader(pool), PlanningStore(pool), letters=letters, clock=clock)


@pytest.fixture
async def planner(pool: Pool, scene: Scene) -> Planner:
    """One that has begun, with the lab there already."""
    made = planner_on(pool)
    await made.begin()
    return made


async def look(planner: Planner) -> None:
    """Look at the log to its end."""
    while await planner.step():
        pass


async def test_a_first_start_on_an_old_log_tells_nobody_of_it(scene: Scene, pool: Pool) -> None:
    scene.approved()
    planner = planner_on(pool)

    await planner.begin()
    await look(planner)
    assert scene.deliveries() == []

    await planner.begin()
    scene.approved()
    await look(planner)
    assert len(scene.deliveries()) == 2


async def test_a_decision_is_told_to_requester_and_beneficiary(
    scene: Scene, planner: Planner
) -> None:
    scene.approved()

    await look(planner)

    expected = sorted(
        (person.id, "requisition_decided", "waiting") for person in (scene.ann, scene.ben)
    )
    assert scene.deliveries() == expected


async def test_a_log_that_is_looked_at_again_adds_nothing(scene: Scene, planner: Planner) -> None:
    scene.webhook("https://hooks.example.org/", "*")
    scene.approved()
    scene.put(told.reminded(scene.reserved(), 7))
    await look(planner)
    before = scene.ask(EVERYTHING)

    scene.world.execute(REWIND)
    await look(planner)

    assert len(before) == 9
    assert scene.ask(EVERYTHING) == before


async def test_two_processes_at_once_plan_everything_once(
    scene: Scene, planner: Planner, pool: Pool
) -> None:
    for _ in range(20):
        scene.approved()

    await asyncio.gather(*(look(planner_on(pool)) for _ in range(4)))
    await look(planner)

    assert len(scene.deliveries()) == 40


async def test_what_somebody_has_switched_off_is_not_sent(scene: Scene, planner: Planner) -> None:
    for channel in ("email", "in_app"):
        whose = scene.ann if channel == "email" else scene.ben
        scene.world.execute(
            "INSERT INTO notifications.switched_off"
            " VALUES (:tenant, :user, 'requisition_decided', :channel)",
            tenant=to_uuid(scene.tenant_id),
            user=to_uuid(whose.id),
            channel=channel,
        )
    scene.approved()

    await look(planner)

    assert scene.deliveries() == [(scene.ben.id, "requisition_decided", "waiting")]


async def test_attention_is_asked_of_all_who_care_for_the_inventory(
    scene: Scene, planner: Planner
) -> None:
    own = scene.world.person(scene.tenant_id, "own", own=("inventory:manage",))
    neighbours = scene.world.tenant("Neighbours")
    scene.world.person(neighbours, "neighbour", "inventory_manager")

    scene.put(told.blocked(told.operation(tenant=scene.tenant_id)))
    await look(planner)

    told_people = {recipient for recipient, _, _ in scene.deliveries()}
    assert told_people == {scene.manager.id, own.id}


async def test_a_week_after_the_due_date_the_leads_are_told_too(
    scene: Scene, planner: Planner
) -> None:
    stream = scene.put(told.reminded(scene.reserved(), 3))
    await look(planner)
    assert {recipient for recipient, _, _ in scene.deliveries()} == {scene.ann.id}

    scene.put(told.reminded(stream, 7))
    await look(planner)

    assert {recipient for recipient, _, _ in scene.deliveries()} == {scene.ann.id, scene.admin.id}


async def test_who_has_left_the_tenant_is_told_nothing(scene: Scene, planner: Planner) -> None:
    for table in ("sessions", "members"):
        scene.world.execute(
            f"DELETE FROM identity.{table} WHERE user_id = :id",  # noqa: S608 - one of two
            id=to_uuid(scene.ben.id),
        )
    scene.approved()

    await look(planner)

    assert {recipient for recipient, _, _ in scene.deliveries()} == {scene.ann.id}


async def test_a_webhook_gets_the_events_that_it_wants_of_its_own_tenant(
    scene: Scene, planner: Planner
) -> None:
    neighbour = scene.world.person(scene.world.tenant("Neighbours"), "neighbour")
    of_requisitions = scene.webhook("https://a.example.org/", "requisition.approved")
    of_everything = scene.webhook("https://b.example.org/", "*")
    scene.webhook("https://c.example.org/", "*", by=neighbour)
    off = scene.webhook("https://d.example.org/", "*")
    scene.world.execute(
        "UPDATE notifications.webhooks SET enabled = false WHERE id = :id", id=to_uuid(off)
    )

    scene.approved()
    await look(planner)

    assert scene.deliveries("webhook") == sorted(
        [
            (of_requisitions, "requisition.approved.v1", "waiting"),
            (of_everything, "requisition.approved.v1", "waiting"),
            (of_everything, "requisition.drafted.v1", "waiting"),
        ]
    )


async def test_a_webhook_gets_nothing_from_before_it_was_made(
    scene: Scene, planner: Planner
) -> None:
    scene.approved()
    scene.world.execute("SELECT pg_sleep(0.01)")
    scene.webhook("https://a.example.org/", "*")
    scene.world.execute(
        "UPDATE notifications.webhooks SET created_at = created_at + interval '1 minute'"
    )

    await look(planner)

    assert scene.deliveries("webhook") == []


async def test_of_what_is_days_old_only_machines_are_told(scene: Scene, pool: Pool) -> None:
    late = planner_on(pool, lambda: datetime.now(UTC) + timedelta(days=3))
    await late.begin()
    scene.webhook("https://a.example.org/", "requisition.approved")
    scene.approved()

    await look(late)

    assert scene.deliveries() == []
    assert len(scene.deliveries("webhook")) == 1


async def test_without_a_mail_server_no_letter_waits_for_one(scene: Scene, pool: Pool) -> None:
    planner = planner_on(pool, letters=False)
    await planner.begin()
    scene.approved()

    await look(planner)

    assert scene.deliveries() == []


async def test_an_event_that_cannot_be_read_stops_nobody(
    scene: Scene, planner: Planner, caplog: pytest.LogCaptureFixture
) -> None:
    broken = scene.approved()
    scene.world.execute(
        "UPDATE log.stored_events SET state = '{}' WHERE originator_id = :id", id=broken.id
    )
    scene.approved()

    await look(planner)

    assert len(scene.deliveries()) == 2
    assert "nobody is told of event" in caplog.text


async def test_a_restored_log_is_gone_on_with_under_its_new_epoch(
    scene: Scene, planner: Planner
) -> None:
    scene.approved()
    await look(planner)
    told_before = scene.deliveries()

    scene.world.execute("UPDATE log.log_head SET epoch = :epoch", epoch=to_uuid(new_id()))
    await look(planner)
    assert scene.deliveries() == told_before

    scene.approved()
    await look(planner)
    assert len(scene.deliveries()) == 2 * len(told_before)


async def test_a_shorter_log_with_its_old_epoch_stops_the_process(
    scene: Scene, planner: Planner
) -> None:
    scene.world.execute("UPDATE notifications.positions SET position = 1000")

    with pytest.raises(LogShorter, match="1000"):
        await planner.step()
