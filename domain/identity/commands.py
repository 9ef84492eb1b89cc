"""What can be asked of users, tenants, roles and sessions, as plain facts.

Secrets never get here: a password arrives as its argon2id hash, a token as its SHA-256. A command
with a field that cannot be accepted cannot be made: it raises ``InvalidField`` with the path of
that field in the request's body. Times are UTC.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.caller import Caller
from domain.errors import InvalidField
from domain.fields import NAME_LIMIT, check_permission, check_text
from domain.ids import Id

USERNAME_LIMIT: Final = 64
EMAIL_LIMIT: Final = 254
ROLE_NAME_LIMIT: Final = 64
ROLE_PERMISSION_LIMIT: Final = 100
_USERNAME: Final = re.compile(r"[^\s@]+")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """A person who is to be able to sign in, by name or e-mail."""

    user_id: Id
    username: str
    email: str
    password_hash: str

    def __post_init__(self) -> None:
        check_text(("username",), self.username, USERNAME_LIMIT)
        if not _USERNAME.fullmatch(self.username):
            raise InvalidField(("username",), "A user name has neither spaces nor @.")
        check_text(("email",), self.email, EMAIL_LIMIT)
        if not _EMAIL.fullmatch(self.email):
            raise InvalidField(("email",), "This is not an e-mail address.")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """A tenant to be, and the membership of whoever creates it."""

    tenant_id: Id
    membership_id: Id
    name: str

    def __post_init__(self) -> None:
        check_text(("tenant_name",), self.name, NAME_LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A token that is to work until ``expires_at``."""

    session_id: Id
    token_sha256: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Become a user, create a tenant if one is named, and be signed in."""

    user: NewUser
    session: NewSession
    at: datetime
    tenant: NewTenant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """Sign in a user whose password was found right, into one of their tenants or none."""

    session: NewSession
    user_id: Id
    tenant_id: Id | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseSession:
    """Sign out."""

    session_id: Id
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUser:
    """Make a user and let them into the caller's tenant with these roles."""

    user: NewUser
    membership_id: Id
    roles: tuple[str, ...]
    by: Caller
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRole:
    """Bundle permissions, any of the right form, under a new name."""

    role_id: Id
    name: str
    permissions: tuple[str, ...]
    by: Caller
    at: datetime

    def __post_init__(self) -> None:
        check_text(("name",), self.name, ROLE_NAME_LIMIT)
        if not 1 <= len(self.permissions) <= ROLE_PERMISSION_LIMIT:
            raise InvalidField(
                ("permissions",), f"A role has from 1 to {ROLE_PERMISSION_LIMIT} permissions."
            )
        for index, permission in enumerate(self.permissions):
            check_permission(("permissions", index), permission)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRoles:
    """Let a member of the caller's tenant hold exactly these roles."""

    membership_id: Id
    user_id: Id
    roles: tuple[str, ...]
    by: Caller
    at: datetime
    expected_version: int | None = None
