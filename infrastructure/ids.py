"""New ids, and the one place where ids change form: ULID text in Python, ``uuid`` in Postgres."""

from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Uuid
from sqlalchemy.types import TypeDecorator
from ulid import ULID

from domain.ids import Id
from domain.ids import id_of as from_uuid
from domain.ids import uuid_of as to_uuid

__all__ = ["UlidType", "derived_id", "from_uuid", "new_id", "to_uuid"]

_NAMESPACE = UUID("5f0c1c0e-3f1b-5e0b-9d5a-1f1d6a2f7c11")


def new_id() -> Id:
    """A fresh id. Ids of one process rise with the clock; nothing may depend on that."""
    return str(ULID())


def derived_id(namespace: str, *parts: str) -> Id:
    """The same id for the same namespace and parts, always (UUIDv5)."""
    return from_uuid(uuid5(_NAMESPACE, "\x1f".join((namespace, *parts))))


class UlidType(TypeDecorator[Id]):
    """A ``uuid`` column that reads and writes ULID text."""

    impl = Uuid
    cache_ok = True

    def process_bind_param(self, value: Id | None, dialect: Any) -> UUID | None:  # noqa: ARG002
        """Text on its way into the database."""
        return None if value is None else to_uuid(value)

    def process_result_value(self, value: UUID | None, dialect: Any) -> Id | None:  # noqa: ARG002
        """A uuid on its way out."""
        return None if value is None else from_uuid(value)
