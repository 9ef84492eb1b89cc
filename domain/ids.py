"""Ids as the domain sees them: ULIDs in Crockford text, upper case.

Postgres stores them as ``uuid``, and so does the event library for an aggregate's own id.
``infrastructure.ids`` makes new ids; the change of form stands here because an aggregate is
created under the id that its command carries, and derived ids because aggregates name the
operations and books that belong to them.
"""

from uuid import UUID, uuid5

Id = str

ULID_FORM = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"
"""What an id looks like, as a regular expression."""

PLATFORM_TENANT: Id = "0" * 26
"""Tenant of the events that belong to no tenant: global users, sessions without one."""

_NAMESPACE = UUID("5f0c1c0e-3f1b-5e0b-9d5a-1f1d6a2f7c11")
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


def derived_id(namespace: str, *parts: str) -> Id:
    """The same id for the same namespace and parts, always (UUIDv5)."""
    return id_of(uuid5(_NAMESPACE, "\x1f".join((namespace, *parts))))


def operation_id(subject_id: Id, kind: str, sequence: int) -> Id:
    """The id of a subject's ``sequence``-th inventory operation: a repeat cannot make another."""
    return derived_id("inventory-operation", subject_id, kind, str(sequence))


def successor_id(operation_id: Id) -> Id:
    """The id of the assignment to which an operation relinks another."""
    return derived_id("successor", operation_id)


def book_id(tenant_id: Id, item_kind: str, item_id: Id) -> Id:
    """The id of an item's book of reservations."""
    return derived_id("item-book", tenant_id, item_kind, item_id)


def inventory_id(tenant_id: Id, kind: str, external_id: int, given_away: int = 0) -> Id:
    """Our first id for a thing of the inventory; a mapping may give it another.

    ``given_away`` is how many of its ids stand for other things by now. They are counted because
    nothing else about a thing stays as it is: tag and serial number may be changed over there.
    """
    counted = (str(given_away),) if given_away else ()
    return derived_id("inventory", tenant_id, kind, str(external_id), *counted)
