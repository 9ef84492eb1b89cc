"""Names of users and projects, as answers embed them.

Read tables hold ids only; the names are looked up in the identity tables when a page is shown,
so a new name is seen at once and an erased one nowhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from sqlalchemy import Executable, Select, Text, Uuid, any_, cast, literal, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from domain.ids import Id
from infrastructure.identity import tables as identity
from infrastructure.ids import to_uuid
from infrastructure.read_engine import Snapshot
from query_api.tenant_scope import TenantScope


class Named(TypedDict):
    """An object of which an answer shows the id and the name."""

    id: Id
    name: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """Names by id. One that is not known (any more) is None."""

    by_id: Mapping[Id, str]

    def of(self, id: Id) -> Named:
        """The id with its name."""
        return {"id": id, "name": self.by_id.get(id)}

    def of_optional(self, id: Id | None) -> Named | None:
        """The id with its name; None for None."""
        return None if id is None else self.of(id)


async def look_up(
    snapshot: Snapshot,
    scope: TenantScope,
    users: Iterable[Id | None],
    projects: Iterable[Id | None] = (),
) -> Names:
    """The names of these users and projects, in one question."""
    user_ids = sorted({id for id in users if id is not None})
    project_ids = sorted({id for id in projects if id is not None})
    parts: list[Select[Any]] = []
    if user_ids:
        members = scope.select(
            identity.members, identity.users.c.id, identity.users.c.username.label("name")
        )
        parts.append(
            members.join(identity.users, identity.users.c.id == identity.members.c.user_id).where(
                identity.members.c.user_id == any_of(user_ids)
            )
        )
    if project_ids:
        owned = scope.select(identity.projects, identity.projects.c.id, identity.projects.c.name)
        parts.append(owned.where(identity.projects.c.id == any_of(project_ids)))
    if not parts:
        return Names({})
    found: Executable = parts[0] if len(parts) == 1 else union_all(*parts)
    return Names({row.id: row.name for row in await snapshot.rows(found)})


def any_of(ids: list[Id]) -> Any:
    """What a column of ids equals that is one of these."""
    # One text for all: the driver would look at each element of an array on its own.
    listed = ",".join([to_uuid(id).hex for id in ids])
    return any_(cast(literal(f"{{{listed}}}", Text()), ARRAY(Uuid())))
