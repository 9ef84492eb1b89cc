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
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26
_LARGEST = (1 << 128) - 1


def uuid_of(id: Id) -> UUID:
    """The UUID of the same 128 bits. Raises ``ValueError`` for a text that is not a ULID."""
    if len(id) != _LENGTH:
        raise ValueError(f"a ULID has {_LENGTH} characters, this has {len(id)}")
    bits = 0
    for character in id:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError(f"{character!r} does not occur in a ULID")
        bits = bits << 5 | value
    if bits > _LARGEST:
        raise ValueError("a ULID begins with a digit from 0 to 7")
    return UUID(int=bits)


def id_of(uuid: UUID) -> Id:
    """The ULID text of the same 128 bits."""
    bits = uuid.int
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(125, -1, -5))
