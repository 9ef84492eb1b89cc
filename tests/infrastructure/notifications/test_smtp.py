"""Letters to a real mail server: what arrives, and what each failure is."""

import asyncio

import pytest
from pydantic import SecretStr

from infrastructure.notifications import smtp
from infrastructure.notifications.outcomes import Never, NotNow, Sent
from infrastructure.notifications.smtp import Letter, Mailer, MailServer, mail_server, server_of_url
from infrastructure.settings import NotificationSettings, SettingsUnusable, Tls
from tests.fixtures.smtp_server import AUTHORITY, SmtpServer

LETTER = Letter(
    "01JD8Y4Z3N6V8M2K5T7W9XQ1RC", "ann@example.org", "Überfällig: Kamera", "Hé\n.\nEnd\n"
)


def mailer(server: SmtpServer, tls: Tls = "none", **login: str) -> Mailer:
    password = SecretStr(login["password"]) if login else None
    return Mailer(
        MailServer(
            "localhost",
            server.port,
            tls,
            "desk@lab.example",
            login.get("user"),
            password,
            str(AUTHORITY),
        )
    )


async def test_a_letter_arrives_whole() -> None:
    async with SmtpServer().running() as server:
        assert await mailer(server).send(LETTER) == Sent(250)

    (letter,) = server.letters
    assert (letter.sender, letter.recipients) == ("desk@lab.example", ["ann@example.org"])
    assert letter.message["Subject"] == "Überfällig: Kamera"
    assert letter.message["To"] == "ann@example.org"
    assert letter.message["Message-ID"] == f"<{LETTER.id}@lab.example>"
    assert letter.message["Auto-Submitted"] == "auto-generated"
    assert letter.text.replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_the_password_goes_over_tls(tls: Tls) -> None:
    async with SmtpServer(tls=tls, login=("desk", "kettle")).running() as server:
        wrong = await mailer(server, tls, user="desk", password="spoon").send(LETTER)
        right = await mailer(server, tls, user="desk", password="kettle").send(LETTER)

    assert isinstance(wrong, NotNow)
    assert right == Sent(250)
    (letter,) = server.letters
    assert (letter.login, letter.encrypted) == ("desk", True)


async def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    async with SmtpServer().running() as server:
        outcome = await mailer(server, "starttls").send(LETTER)

    assert isinstance(outcome, NotNow)
    assert server.letters == []


@pytest.mark.parametrize(
    ("refusal", "kind", "status"),
    [
        ("550 no such mailbox", Never, 550),
        ("451 try again later", NotNow, 451),
        ("drop", NotNow, None),
    ],
)
async def test_what_is_refused_for_good_and_what_for_now(
    refusal: str, kind: type, status: int | None
) -> None:
    async with SmtpServer(refusals=[refusal]).running() as server:
        outcome = await mailer(server).send(LETTER)

    assert isinstance(outcome, kind)
    assert getattr(outcome, "status", None) in (status, -1)
    assert server.letters == []


async def test_a_letter_that_was_taken_was_sent_whatever_comes_after_it() -> None:
    async with SmtpServer(refusals=["taken, drop"]).running() as server:
        assert await mailer(server).send(LETTER) == Sent(250)


async def test_who_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "CALL_S", 0.2)
    async with SmtpServer(refusals=["hang"]).running() as server:
        assert isinstance(await mailer(server).send(LETTER), NotNow)


async def test_a_sending_that_is_called_off_ends_at_once() -> None:
    async with SmtpServer(refusals=["hang"]).running() as server:
        sending = asyncio.create_task(mailer(server).send(LETTER))
        await server.asked.wait()
        sending.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait({sending})
            # Nor does the thread stay behind.
            await asyncio.get_running_loop().shutdown_default_executor()
    assert sending.cancelled()


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.org\r\nBcc: all@example.org",
        "ann@example.org, all@example.org",
        "Ann <ann@example.org>",
        "@",
        "ann@",
    ],
)
async def test_what_is_no_single_address_gets_nothing(address: str) -> None:
    async with SmtpServer().running() as server:
        outcome = await mailer(server).send(Letter(LETTER.id, address, "Hello", "Hello"))

    assert isinstance(outcome, Never)
    assert server.tried == 0


async def test_a_subject_cannot_add_a_header() -> None:
    evil = "Hello\r\nBcc: all@example.org\n\n<b>body</b>\x00\x1b[31m" + "x" * 500
    async with SmtpServer().running() as server:
        assert await mailer(server).send(Letter(LETTER.id, LETTER.to, evil, "Hi")) == Sent(250)

    (letter,) = server.letters
    assert letter.message["Bcc"] is None
    assert letter.recipients == [LETTER.to]
    assert letter.text.strip() == "Hi"
    assert len(letter.message["Subject"]) <= 150


def test_the_server_is_named_by_one_url_or_by_its_parts() -> None:
    whole = server_of_url("smtps://desk:ke%40ttle@mail.example.org", "desk@lab.example")
    assert (whole.host, whole.port, whole.tls) == ("mail.example.org", 465, "implicit")
    assert whole.password is not None
    assert (whole.user, whole.password.get_secret_value()) == ("desk", "ke@ttle")

    parts = settings(smtp_host="mail.example.org", smtp_from="desk@lab.example")
    assert mail_server(parts) == MailServer("mail.example.org", 587, "starttls", "desk@lab.example")
    assert mail_server(settings()) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"smtp_host": "mail.example.org"},
        {"smtp_host": "mail.example.org", "smtp_from": "nobody"},
        {"smtp_url": SecretStr("http://secret-word@x"), "smtp_from": "desk@lab.example"},
        {"smtp_url": SecretStr("smtp+plain://a:secret-word@x"), "smtp_from": "desk@lab.example"},
    ],
)
def test_unusable_settings_are_said_without_showing_them(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingsUnusable) as refused:
        mail_server(settings(**wrong))
    assert "secret-word" not in str(refused.value)


def settings(**values: object) -> NotificationSettings:
    return NotificationSettings.model_validate(
        {"worker_database_url": "postgresql://x", "secret_key": "k" * 40, **values}
    )
