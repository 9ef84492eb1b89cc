"""What the Snipe-IT client raises; the outcomes of writes are data, see ``answers``."""

from infrastructure.snipe_it.answers import Failure, class_of, in_words


class Unreadable(Exception):
    """Nothing can be read. ``code`` is why in one word, which everybody may know."""

    code = "unreadable"


class AddressNotAllowed(Unreadable):
    """The base URL is not on the administrator's list of inventory servers."""

    code = "address_not_allowed"


class TokenMissing(Unreadable):
    """The place named for the API token holds no usable token."""

    code = "token_missing"


class UnknownZone(Unreadable):
    """The server's time zone is not the name of one."""

    code = "unknown_zone"


class ReadFailed(Unreadable):
    """A read got no answer that can be used; ``answer`` says why."""

    def __init__(self, call: str, answer: Failure) -> None:
        super().__init__(f"{call}: {in_words(answer)}")
        self.answer = answer
        self.code = class_of(answer)


class UnexpectedForm(Unreadable):
    """A record lacks a field that every record of its kind has, or has it in another type."""

    code = "unexpected_form"
