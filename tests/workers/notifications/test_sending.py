"""The whole process over a real log, a real mail server and a real receiver of webhooks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain.assignments import events as assignments
from domain.notifications.webhook import Webhook
from domain.requisitions import events as requisitions
from infrastructure.ids import from_uuid, to_uuid
from infrastructure.notifications.outbound import Deadlines
from infrastructure.notifications.signing import secret_of
from infrastructure.settings import NotificationSettings
from tests.builders import told
from tests.fixtures.smtp_server import SmtpServer
from tests.fixtures.webhook_receiver import Receiver
from tests.workers.notifications.scene import Scene
from workers.notifications.delivering import Pace
from workers.notifications.main import Tuning, run

KEY = "k" * 40
QUICK = Tuning(
    pace=Pace(attempts=4, first_s=0.02, factor=2.0, longest_s=0.1),
)
ATTEMPTS = "SELECT attempts, state, log FROM notifications.deliveries WHERE channel = %s"


class Process:
    """The process of notifications, as a task of the test."""

    def __init__(self, scene: Scene, mail: SmtpServer) -> None:
        self._scene = scene
        self.settings = NotificationSettings(
            worker_database_url=SecretStr(scene.database.url("worker")),
            secret_key=SecretStr(KEY),
            public_url="https://lending.example.org/",
            smtp_host="127.0.0.1",
            smtp_port=mail.port,
            smtp_tls="none",
            smtp_from="desk@lab.example",
            webhook_allow_private=True,
        )

    @contextlib.asynccontextmanager
    async def running(self, tuning: Tuning = QUICK) -> AsyncIterator[asyncio.Task[None]]:
        """Run it for the length of the block, from when it has begun."""
        task = asyncio.create_task(run(self.settings, tuning))
        await until(lambda: bool(self._scene.ask("SELECT FROM notifications.positions")), task)
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()


@pytest.fixture
def process(scene: Scene, mail: SmtpServer) -> Process:
    return Process(scene, mail)


async def until(so: Callable[[], bool], task: asyncio.Task[None] | None = None) -> None:
    """Wait until something is so, for at most half a minute."""
    async with asyncio.timeout(30):
        while not so():
            if task is not None and task.done():
                task.result()
            await asyncio.sleep(0.02)


def settled(scene: Scene, channel: str) -> Callable[[], bool]:
    """Nothing waits any longer."""

    def so() -> bool:
        states = {state for _, _, state in scene.deliveries(channel)}
        return bool(states) and "waiting" not in states

    return so


async def test_a_letter_says_what_happened_to_what_and_what_to_do(
    scene: Scene, mail: SmtpServer, process: Process
) -> None:
    evil = "Film day\r\nBcc: everybody@example.org"
    async with process.running():
        stream = scene.approved(evil)
        await until(settled(scene, "email"))

    letters = {letter.recipients[0]: letter for letter in mail.letters}
    assert sorted(letters) == ["ann@example.org", "ben@example.org"]
    letter = letters["ann@example.org"]
    assert letter.message["Subject"] == (
        "Your requisition “Film day Bcc: everybody@example.org” was approved"
    )
    assert letter.message["Bcc"] is None
    assert letter.text.splitlines()[0] == "Hello ann,"
    assert "Your requisition “Film day Bcc: everybody@example.org” was approved." in letter.text
    assert f"https://lending.example.org/requisitions/{from_uuid(stream.id)}" in letter.text
    assert "Media lab" in letter.text


async def test_names_are_those_of_the_moment_of_sending(
    scene: Scene, mail: SmtpServer, process: Process
) -> None:
    scene.world.execute(
        "INSERT INTO inventory.assets (tenant_id, external_id, id, as_of, name, tag,"
        " can_check_out, requestable, checkout_counter, checkin_counter, custom_fields)"
        " VALUES (:tenant, 17, :id, now(), 'Canon C70', 'CAM-017', true, true, 0, 0, '{}')",
        tenant=to_uuid(scene.tenant_id),
        id=to_uuid(told.ASSET["id"]),
    )
    scene.world.execute(
        "UPDATE identity.users SET email = 'ann.new@example.org' WHERE id = :id",
        id=to_uuid(scene.ann.id),
    )
    async with process.running():
        scene.put(told.reminded(scene.reserved(), 7))
        await until(settled(scene, "email"))

    subjects = {letter.recipients[0]: letter.message["Subject"] for letter in mail.letters}
    assert subjects["ann.new@example.org"] in (
        "Overdue by 7 days: Canon C70 (CAM-017)",
        "Ready to collect: Canon C70 (CAM-017)",
    )
    assert subjects["admin@example.org"] == "Overdue by 7 days: Canon C70 (CAM-017)"


async def test_every_kind_of_letter_can_be_written(
    scene: Scene, mail: SmtpServer, process: Process
) -> None:
    async with process.running():
        stream = told.reminded(scene.reserved(quantity=3), -1)
        told.returned(told.reminded(told.reminded(stream, 0), 1), 2, 1)
        scene.put(told.written_off(stream, 1, 0))
        scene.put(told.blocked(told.operation(tenant=scene.tenant_id)))
        scene.put(stream.then(assignments.Declined, by=scene.ann.id, reason="Broken"))
        await until(settled(scene, "email"))

    assert sorted(letter.message["Subject"].split(":")[0] for letter in mail.letters) == [
        "Declined",
        "Due on 2026-11-28 23",
        "Due today",
        "Overdue by 1 day",
        "Ready to collect",
        "Returned in part",
        "The inventory needs your attention",
        "Written off",
    ]
    assert all(state == "delivered" for _, _, state in scene.deliveries())


async def test_a_mail_server_that_fails_is_tried_again_and_a_refusal_is_not(
    scene: Scene, mail: SmtpServer, process: Process
) -> None:
    mail.refusals = ["451 later", "550 no such mailbox"]
    async with process.running():
        scene.put(told.reminded(scene.reserved(), 1))
        await until(settled(scene, "email"))

    states = sorted(state for _, _, state in scene.deliveries())
    assert states == ["delivered", "failed"]
    assert len(mail.letters) == 1


async def test_a_message_is_signed_and_says_what_happened(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    webhook_id = scene.webhook(receiver.url(), "requisition.approved")
    async with process.running():
        stream = scene.approved()
        await until(settled(scene, "webhook"))

    (message,) = receiver.messages
    assert message.is_signed_with(secret_of(KEY.encode(), webhook_id, 1))
    assert not message.is_signed_with(secret_of(KEY.encode(), webhook_id, 2))
    assert message.json["type"] == "requisition.approved.v1"
    assert message.json["data"]["aggregate_id"] == from_uuid(stream.id)
    assert message.json["data"]["event"] == {}


async def test_while_a_secret_is_replaced_both_sign(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    webhook_id = scene.webhook(receiver.url(), "requisition.approved")
    scene.world.execute(
        "UPDATE notifications.webhooks SET secret_version = 2, previous_secret_version = 1,"
        " previous_until = now() + interval '1 hour'"
    )
    async with process.running():
        scene.approved()
        await until(settled(scene, "webhook"))
        scene.world.execute("UPDATE notifications.webhooks SET previous_until = now()")
        scene.approved()
        await until(lambda: len(receiver.messages) == 2)

    old, new = (secret_of(KEY.encode(), webhook_id, version) for version in (1, 2))
    both, one = receiver.messages
    assert both.is_signed_with(old)
    assert both.is_signed_with(new)
    assert one.is_signed_with(new)
    assert not one.is_signed_with(old)


async def test_what_fails_is_tried_again_under_the_same_id(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    scene.webhook(receiver.url(), "requisition.approved")
    receiver.answers = ["500 Oops", f"302 Found\r\nLocation: {receiver.url('/other')}"]
    async with process.running():
        scene.approved()
        await until(settled(scene, "webhook"))

    assert len(receiver.messages) == 3
    assert len(set(receiver.ids())) == 1
    assert len({message.body for message in receiver.messages}) == 1
    ((attempts, state, log),) = scene.ask(ATTEMPTS, "webhook")
    assert (attempts, state) == (3, "delivered")
    assert [entry["status"] for entry in log] == [500, 302, 204]
    assert scene.ask("SELECT failing_since FROM notifications.webhooks") == [(None,)]


async def test_what_always_fails_is_given_up_and_said_so(
    scene: Scene, receiver: Receiver, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    scene.webhook(receiver.url(), "requisition.approved")
    receiver.usual = "500 Oops"
    async with process.running():
        scene.approved()
        await until(settled(scene, "webhook"))

    ((attempts, state, _),) = scene.ask(ATTEMPTS, "webhook")
    assert (attempts, state) == (4, "failed")
    assert "is given up after 4 attempts" in caplog.text
    ((since,),) = scene.ask("SELECT failing_since FROM notifications.webhooks")
    assert since is not None


async def test_what_ends_by_an_error_of_ours_is_given_up_too(
    scene: Scene, mail: SmtpServer, process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    scene.world.execute(
        "INSERT INTO notifications.deliveries"
        " (id, tenant_id, log_epoch, position, recipient_id, channel, kind, content)"
        " SELECT gen_random_uuid(), :tenant, gen_random_uuid(), 1, :ann, 'email', 'overdue', '{}'",
        tenant=to_uuid(scene.tenant_id),
        ann=to_uuid(scene.ann.id),
    )
    async with process.running():
        await until(settled(scene, "email"))

    ((attempts, state, log),) = scene.ask(ATTEMPTS, "email")
    assert (attempts, state) == (4, "failed")
    assert [entry["error"] for entry in log] == ["an error of ours: KeyError"] * 4
    assert "is given up after 4 attempts" in caplog.text
    assert mail.letters == []


async def test_who_hangs_holds_up_nobody_else(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    slow = Receiver(usual="hang")
    async with slow.running():
        scene.webhook(slow.url(), "requisition.*")
        scene.webhook(receiver.url(), "requisition.*")
        patient = replace(QUICK, deadlines=Deadlines(read=20, total=20), webhooks_at_a_time=3)
        async with process.running(patient):
            for _ in range(3):
                scene.approved()
            await until(lambda: len(set(receiver.ids())) == 6)

    assert len(slow.messages) == 2


async def test_a_tenant_whose_receivers_hang_holds_up_no_other(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    elsewhere = scene.world.tenant("Elsewhere")
    nora = scene.world.person(elsewhere, "nora", "auditor", own=("tenant:manage",))
    scene.webhook(receiver.url(), "requisition.approved", by=nora)
    slow = Receiver(usual="hang")
    async with slow.running():
        for _ in range(4):
            scene.webhook(slow.url(), "requisition.approved")
        patient = replace(
            QUICK,
            deadlines=Deadlines(read=20, total=20),
            webhooks_at_a_time=3,
            webhooks_of_a_tenant=2,
        )
        async with process.running(patient):
            scene.approved()
            await until(lambda: len(slow.messages) == 2)
            stream = told.requisition(nora.id, nora.id, tenant=elsewhere)
            scene.put(stream.then(requisitions.Approved))
            await until(lambda: len(receiver.messages) == 1)

    assert len(slow.messages) == 2


@pytest.mark.parametrize("usual", ["500 Oops", "410 Gone"])
async def test_a_webhook_that_works_no_more_is_switched_off_with_an_alarm(
    scene: Scene,
    receiver: Receiver,
    process: Process,
    caplog: pytest.LogCaptureFixture,
    usual: str,
) -> None:
    webhook_id = await added(scene, receiver.url())
    receiver.usual = usual
    impatient = replace(QUICK, give_up_after=timedelta(milliseconds=30))
    async with process.running(impatient):
        scene.approved()
        await until(lambda: not enabled(scene))
        scene.approved()
        await until(settled(scene, "webhook"))

    assert "was switched off" in caplog.text
    topics = [topic for (topic,) in scene.ask("SELECT topic FROM log.stored_events")]
    assert topics.count("webhook.disabled.v1") == 1
    ((reason,),) = scene.ask("SELECT disabled_reason FROM notifications.webhooks")
    assert ("410" in reason) == (usual == "410 Gone")
    assert {recipient for recipient, _, _ in scene.deliveries("webhook")} == {webhook_id}


async def test_two_processes_send_everything_once(
    scene: Scene, mail: SmtpServer, receiver: Receiver, process: Process
) -> None:
    scene.webhook(receiver.url(), "requisition.approved")
    async with process.running(), process.running():
        for _ in range(15):
            scene.approved()
        await until(lambda: len(scene.deliveries("webhook")) == 15)
        await until(settled(scene, "webhook"))
        await until(settled(scene, "email"))

    assert len(receiver.ids()) == len(set(receiver.ids())) == 15
    ids = [letter.message["Message-ID"] for letter in mail.letters]
    assert len(ids) == len(set(ids)) == 30


async def test_a_process_that_is_stopped_finishes_what_it_is_sending(
    scene: Scene, receiver: Receiver, process: Process
) -> None:
    scene.webhook(receiver.url(), "requisition.approved")
    arrived, answer = asyncio.Event(), asyncio.Event()

    async def hold(_: Any) -> None:
        arrived.set()
        await answer.wait()

    receiver.before_answer = hold
    async with process.running(replace(QUICK, deadlines=Deadlines())) as task:
        scene.approved()
        await arrived.wait()
        task.cancel()
        await asyncio.sleep(0)
        answer.set()

    assert [state for _, _, state in scene.deliveries("webhook")] == ["delivered"]


async def added(scene: Scene, url: str) -> str:
    """A webhook with its events in the log, as a command leaves it."""
    webhook_id = scene.webhook(url, "requisition.approved")
    webhook = Webhook.add(
        to_uuid(webhook_id),
        host="127.0.0.1",
        description="",
        events=("requisition.approved",),
        by=scene.admin.caller,
        at=scene.world.now,
    )
    scene.world.store(webhook, scene.admin, project=False)
    return webhook_id


def enabled(scene: Scene) -> bool:
    return bool(scene.ask("SELECT FROM notifications.webhooks WHERE enabled"))
