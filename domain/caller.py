"""Who is asking: the verified user behind a command, inside one tenant."""

from dataclasses import dataclass

from domain.errors import PermissionMissing
from domain.ids import Id


@dataclass(frozen=True, slots=True)
class Caller:
    """A user acting in the tenant of their session.

    ``permissions`` are strings such as ``requisitions:approve``; roles are bundles of them
    and are resolved before a caller is made. ``member_version`` is the version of the
    caller's membership stream when the permissions were read: a command that is appended
    after it has moved is decided again.
    """

    user_id: Id
    tenant_id: Id
    permissions: frozenset[str]
    member_version: int = 0

    def may(self, permission: str) -> bool:
        """Whether the caller holds ``permission``."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise ``PermissionMissing`` unless the caller holds ``permission``."""
        if permission not in self.permissions:
            raise PermissionMissing(permission)
