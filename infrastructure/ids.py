"""New ids, and the one place where ids change form: ULID text in Python, ``uuid`` in Postgres."""

from typing import Any
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.types import TypeDecorator
from ulid import ULID

from domain.ids import Id, derived_id
from domain.ids import id_of as from_uuid
from domain.ids import uuid_of as to_uuid

__all__ = ["UlidType", "derived_id", "from_uuid", "new_id", "to_uuid"]


def new_id() -> Id:
    """A fresh id. Ids of one process rise with the clock; nothing may depend on that."""
    return str(ULID())


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
