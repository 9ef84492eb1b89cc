"""Refusals, named after the rule they protect.

A family says which kind of answer a refusal gets; ``infrastructure.http.problems`` maps the
families to HTTP for both APIs. Every module keeps its own rules in ``domain/<module>/errors.py``
as subclasses of a family below.
"""

from typing import ClassVar, Final

INVENTORY_WAIT_S: Final = 30
"""Seconds after which the inventory is worth another try, where nothing better is known."""


class Refused(Exception):
    """A command that was not carried out; nothing of it is stored.

    ``code`` is stable and snake_case, ``help`` says what would let the command through.
    """

    code: ClassVar[str] = "refused"
    help: ClassVar[str] = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or (self.__doc__ or self.code).strip())

    @property
    def detail(self) -> str:
        """One sentence for the person who asked."""
        return str(self)


class NotFound(Refused):
    """There is no such object in this tenant."""

    code = "not_found"


class Forbidden(Refused):
    """The caller may not do this."""

    code = "forbidden"


class PermissionMissing(Forbidden):
    """The caller lacks a permission."""

    code = "permission_missing"
    help = "Ask an administrator of the tenant for a role that has it."

    def __init__(self, permission: str) -> None:
        super().__init__(f"This needs the permission {permission}.")
        self.permission = permission


class InvalidField(Refused):
    """A field of the command cannot be accepted.

    ``path`` is the way to the field from the body's root, as names and list indexes.
    """

    code = "invalid_field"

    def __init__(self, path: tuple[str | int, ...], detail: str = "") -> None:
        super().__init__(detail)
        self.path = path


class RuleBroken(Refused):
    """The object's present state does not allow this."""

    code = "rule_broken"


class VersionMismatch(Refused):
    """The object has changed since the version in If-Match."""

    code = "version_mismatch"
    help = "Read the object again and repeat the command with its new ETag."

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"If-Match named version {expected}, the object is at version {actual}.")
        self.expected = expected
        self.actual = actual


class InventoryUnavailable(Refused):
    """The inventory cannot be asked just now, and this needs it."""

    code = "inventory_unavailable"
    help = "Try again later. GET /inventory/status says how the inventory is."

    def __init__(self, detail: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s or INVENTORY_WAIT_S
