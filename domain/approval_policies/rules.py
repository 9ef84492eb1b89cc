"""Who may add an approval policy: shared by its handler and its routes."""

from typing import Final

from domain.caller import Caller

WRITE: Final = "approval-policies:write"


def require_writer(caller: Caller) -> None:
    """Raise ``PermissionMissing`` unless the caller may add policies."""
    caller.require(WRITE)
