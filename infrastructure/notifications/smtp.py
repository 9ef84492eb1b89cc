"""E-mail by SMTP: one connection a letter, in a thread, within finite time."""

import asyncio
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from infrastructure.notifications.outcomes import Never, NotNow, Outcome, Sent
from infrastructure.settings import NotificationSettings, SettingsUnusable, Tls

CALL_S: Final = 10.0
SUBJECT_LIMIT: Final = 150
ERROR_LIMIT: Final = 200

# Nothing that could be a second address or a second header. Postgres has taken anything with an @.
_ADDRESS: Final = re.compile(
    r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+"
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PERMANENT: Final = range(500, 600)
_TAKEN: Final = 250
_SCHEMES: Final[dict[str, tuple[Tls, int]]] = {
    "smtp": ("starttls", 587),
    "smtps": ("implicit", 465),
    "smtp+plain": ("none", 25),
}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where letters are handed in. ``tls`` says how the connection is protected."""

    host: str
    port: int
    tls: Tls
    sender: str
    user: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A plain text letter. ``id`` is the same however often it is sent."""

    id: str
    to: str
    subject: str
    text: str


def mail_server(settings: NotificationSettings) -> MailServer | None:
    """The server that the settings name; None where they name none, and no letters are sent.

    Raises ``SettingsUnusable``.
    """
    if settings.smtp_url is None and settings.smtp_host is None:
        return None
    if settings.smtp_from is None:
        raise SettingsUnusable("QM_SMTP_FROM is missing: the address that letters come from")
    ca_file = None if settings.smtp_ca_file is None else str(settings.smtp_ca_file)
    if settings.smtp_url is not None:
        url = settings.smtp_url.get_secret_value()
        return _guarded(server_of_url(url, settings.smtp_from, ca_file))
    server = MailServer(
        host=str(settings.smtp_host),
        port=settings.smtp_port,
        tls=settings.smtp_tls,
        sender=checked_sender(settings.smtp_from),
        user=settings.smtp_user,
        password=settings.smtp_password,
        ca_file=ca_file,
    )
    return _guarded(server)


def _guarded(server: MailServer) -> MailServer:
    """The server, unless a password would travel in the open."""
    if server.password is not None and server.tls == "none" and server.host not in _LOOPBACK:
        raise SettingsUnusable(
            "a password is not sent without TLS; let QM_SMTP_URL begin with smtp:// or smtps://"
        )
    return server


def server_of_url(url: str, sender: str, ca_file: str | None = None) -> MailServer:
    """The server in ``smtp://user:password@host:port`` (STARTTLS demanded), ``smtps://…``, or
    ``smtp+plain://…`` for one on this machine or in a trusted network.

    Raises ``SettingsUnusable`` without showing the URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsUnusable("QM_SMTP_URL is no URL") from None
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/"):
        raise SettingsUnusable("QM_SMTP_URL looks like smtp://user:password@mail.example.org:587")
    tls, usual = _SCHEMES[parts.scheme]
    password = None if parts.password is None else SecretStr(unquote(parts.password))
    user = None if parts.username is None else unquote(parts.username)
    return MailServer(
        parts.hostname, port or usual, tls, checked_sender(sender), user, password, ca_file
    )


def checked_sender(sender: str) -> str:
    """The address that letters come from. Raises ``SettingsUnusable``."""
    if not _ADDRESS.fullmatch(sender):
        raise SettingsUnusable("QM_SMTP_FROM is no e-mail address")
    return sender


class Mailer:
    """Hands in letters."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def send(self, letter: Letter) -> Outcome:
        """Hand in a letter and say what became of it. Raises nothing but cancellation.

        Cancelled, it cuts the connection: whether the letter went is not known then.
        """
        if not _ADDRESS.fullmatch(letter.to):
            return Never("this is no address that a letter can be sent to")
        try:
            message = message_of(letter, self._server.sender)
        except (MessageError, ValueError) as error:
            return Never(f"the letter cannot be written: {error}"[:200])
        line = _Line()
        handing_in = asyncio.get_running_loop().run_in_executor(None, self._hand_in, message, line)
        try:
            return await asyncio.shield(handing_in)
        except asyncio.CancelledError:
            line.cut()
            raise

    def _hand_in(self, message: EmailMessage, line: "_Line") -> Outcome:
        try:
            smtp = self._greeted()
        except (smtplib.SMTPException, OSError) as error:
            return NotNow(_said(error))
        line.smtp = smtp
        try:
            self._sign_in(smtp)
            smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(*max(error.recipients.values()))
        except smtplib.SMTPDataError as error:
            return _refused(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # Not about this letter: the server, our login or our sender address.
            return NotNow(_said(error), getattr(error, "smtp_code", None))
        finally:
            # The letter is taken or not by now, whatever becomes of the farewell.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()
        return Sent(_TAKEN)

    def _greeted(self) -> smtplib.SMTP:
        server, name = self._server, socket.gethostname()
        if server.tls != "implicit":
            return smtplib.SMTP(server.host, server.port, local_hostname=name, timeout=CALL_S)
        return smtplib.SMTP_SSL(
            server.host,
            server.port,
            local_hostname=name,
            timeout=CALL_S,
            context=self._context(),
        )

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if server.tls == "starttls":
            smtp.starttls(context=self._context())
        if server.user is not None and server.password is not None:
            smtp.login(server.user, server.password.get_secret_value())

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.ca_file)


@dataclass(slots=True)
class _Line:
    """The connection of a letter, once there is one."""

    smtp: smtplib.SMTP | None = None

    def cut(self) -> None:
        """End whatever is waited for on it."""
        sock = None if self.smtp is None else self.smtp.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def message_of(letter: Letter, sender: str) -> EmailMessage:
    """The letter as it goes on its way. Raises ``ValueError`` or ``MessageError``."""
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(display_name="Quartermaster", addr_spec=sender)
    message["To"] = Address(addr_spec=letter.to)
    message["Subject"] = one_line(letter.subject)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    return message


def one_line(text: str) -> str:
    """``text`` as a header can hold it: no line ends or other controls, and not too long."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return plain if len(plain) <= SUBJECT_LIMIT else f"{plain[: SUBJECT_LIMIT - 1]}…"


def _refused(code: int, said: bytes | str) -> Outcome:
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else said
    error = f"the server answered {code} {one_line(text)}"[:ERROR_LIMIT]
    return Never(error, code) if code in _PERMANENT else NotNow(error, code)


def _said(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")[:ERROR_LIMIT]
