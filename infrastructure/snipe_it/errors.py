"""What the Snipe-IT client raises; the outcomes of writes are data, see ``answers``."""

from infrastructure.snipe_it.answers import Failure


class AddressNotAllowed(Exception):
    """The base URL is not on the administrator's list of inventory servers."""


class TokenMissing(Exception):
    """The place named for the API token holds no usable token."""


class UnknownZone(Exception):
    """The server's time zone is not the name of one."""


class ReadFailed(Exception):
    """A read got no answer that can be used; ``answer`` says why."""

    def __init__(self, call: str, answer: Failure) -> None:
        super().__init__(f"{call}: {answer}")
        self.answer = answer


class UnexpectedForm(Exception):
    """A record lacks a field that every record of its kind has, or has it in another type."""
