"""What can go wrong on the way to the log: never the caller's rule, always the machinery.

Refusals of the domain are in ``domain.errors``. The entry packages map these to HTTP in one place.
"""

from typing import ClassVar


class InfrastructureError(Exception):
    """The command was understood; the machinery could not carry it out.

    ``code`` is stable and snake_case, ``help`` says what to do next. ``retry_after`` is in
    seconds; None where a repeat of the same request cannot help.
    """

    code: ClassVar[str] = "unavailable"
    help: ClassVar[str] = "Send the same request again after the seconds of Retry-After."
    retry_after: ClassVar[int | None] = 1

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or self.code).strip())

    @property
    def detail(self) -> str:
        """One sentence for the person who asked."""
        return str(self)


class StoreUnavailable(InfrastructureError):
    """The event store could not be had in time. Nothing was stored."""

    code = "store_unavailable"


class TableUnavailable(StoreUnavailable):
    """One table could not be had in time: it is locked, missing or closed to us."""


class OutcomeUnknown(InfrastructureError):
    """Whether the command was stored could not be found out. The same Idempotency-Key will tell."""

    code = "outcome_unknown"
    help = "Send it again with the same Idempotency-Key; without one, read the object first."


class CallerChanged(InfrastructureError):
    """The caller's membership has moved since it was read. Nothing was stored.

    The edge authenticates again and repeats the command with the caller's present permissions.
    """

    code = "caller_changed"


class CommandInFlight(InfrastructureError):
    """The first command with this Idempotency-Key is still being carried out."""

    code = "command_in_flight"


class IdempotencyKeyReused(InfrastructureError):
    """This Idempotency-Key was used for another request."""

    code = "idempotency_key_reused"
    help = "Choose a new key for another request."
    retry_after = None


class LogGap(InfrastructureError):
    """The log has a hole, which its writer never leaves: it was tampered with or damaged."""

    code = "log_gap"
    help = "Tell whoever runs this installation."
    retry_after = None


class PasswordsBusy(InfrastructureError):
    """Too many passwords are being checked at once. Nothing was stored."""

    code = "passwords_busy"


class TooManyTries(InfrastructureError):
    """Too many tries to sign in or up, for this account or from this address."""

    code = "too_many_tries"

    def __init__(self, wait_s: int) -> None:
        super().__init__()
        self.wait_s = wait_s
