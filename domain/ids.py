"""Ids as the domain sees them: ULIDs in Crockford text, upper case.

Postgres stores them as ``uuid``, and so does the event library for an aggregate's own id.
``infrastructure.ids`` makes new ids; the change of form stands here because an aggregate is
created under the id that its command carries.
"""

from uuid import UUID

Id = str

PLATFORM_TENANT: Id = "0" * 26
"""Tenant of the events that belong to no tenant: global users, sessions without one."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_DIGITS = bytes(
    b"0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(chr(code))]
    if chr(code) in _ALPHABET
    else ord("?")
    for code in range(256)
)
"""A ULID's characters as Python writes digits to the base of 32; anything else is no digit."""

_LENGTH = 26
_SHIFTS = range(120, -1, -10)


def uuid_of(id: Id) -> UUID:
    """The UUID of the same 128 bits. Raises ``ValueError`` for a text that is not a ULID."""
    if len(id) != _LENGTH:
        raise ValueError(f"a ULID has {_LENGTH} characters, this has {len(id)}")
    return UUID(int=int(id.encode("ascii").translate(_DIGITS), 32))


def id_of(uuid: UUID) -> Id:
    """The ULID text of the same 128 bits."""
    bits = uuid.int
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])
