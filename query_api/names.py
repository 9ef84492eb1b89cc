"""Names of users and projects, as answers embed them.

Read tables hold ids only; the names are looked up in the identity tables when a page is shown,
so a new name is seen at once and an erased one nowhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from sqlalchemy import (
    CollectionAggregate,
    ColumnElement,
    CompoundSelect,
    Text,
    Uuid,
    any_,
    cast,
    literal,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from domain.ids import Id
from infrastructure.identity import tables as identity
from infrastructure.ids import to_uuid
from infrastructure.prepared_selects import parameter
from infrastructure.read_engine import Snapshot
from query_api.tenant_scope import TenantScope, for_any_tenant, worked_out_once

_IDS: Final = ARRAY(Uuid())


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
    user_ids = {id for id in users if id is not None}
    project_ids = {id for id in projects if id is not None}
    if not user_ids and not project_ids:
        return Names({})
    asked = scope.asks(_named, users=listed(user_ids), projects=listed(project_ids))
    return Names({row.id: row.name for row in await snapshot.answer(asked)})


def any_of(ids: Iterable[Id]) -> CollectionAggregate[Any]:
    """What a column of ids equals that is one of these."""
    return in_list(literal(listed(ids), Text))


def in_list(text: ColumnElement[str]) -> CollectionAggregate[Any]:
    """What a column of ids equals that stands in a ``listed`` text.

    The text is read once: Postgres would read it anew for every row that it looks at.
    """
    return any_(cast(worked_out_once(cast(text, _IDS)), _IDS))


def listed(ids: Iterable[Id]) -> str:
    """Ids as one text: the driver would look at each element of an array on its own."""
    return f"{{{','.join([to_uuid(id).hex for id in ids])}}}"


@for_any_tenant
def _named(scope: TenantScope) -> CompoundSelect[Any]:
    member, user = identity.members.c, identity.users.c
    members = scope.select(identity.members, user.id, user.username.label("name"))
    owned = scope.select(identity.projects, identity.projects.c.id, identity.projects.c.name)
    return union_all(
        members.join(identity.users, user.id == member.user_id).where(
            member.user_id == in_list(parameter("users", Text))
        ),
        owned.where(identity.projects.c.id == in_list(parameter("projects", Text))),
    )
