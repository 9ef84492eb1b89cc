"""The select of the list of requisitions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    any_,
    column,
    exists,
    func,
    literal,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from domain.caller import Caller
from domain.ids import Id
from domain.requisitions.rules import APPROVE, APPROVE_OWN
from infrastructure.identity import tables as identity
from query_api.keyset import Sort, Window
from query_api.merged_parts import merged_page, part_of
from query_api.prefixes import after_all
from query_api.requisitions.visibility import READ, sees_all
from query_api.tenant_scope import TenantScope
from read_tables.requisitions import NEEDED_FROM_KEY, requisition_words, requisitions
from read_tables.words import words_of

R: Final = requisitions.c

SHOWN: Final = tuple(
    R[
        "id",
        "project_id",
        "state",
        "purpose",
        "requester_id",
        "beneficiary_id",
        "needed_from",
        "needed_until",
        "amount",
        "approval",
        "created_at",
        "updated_at",
        "version",
    ]
)
"""The columns that an item of the list is made of."""

_BY_UPDATE: Final = (R.updated_at, "updated_at", None)
_BY_CREATION: Final = (R.created_at, "created_at", None)
_BY_NEED: Final = (NEEDED_FROM_KEY, "needed_from", "infinity")

SORTS: Final = {
    name: Sort(id=R.id, key=key, field=field, without=without, descending=name.startswith("-"))
    for names, (key, field, without) in (
        (("-updated_at", "updated_at"), _BY_UPDATE),
        (("created_at", "-created_at"), _BY_CREATION),
        (("needed_from", "-needed_from"), _BY_NEED),
    )
    for name in names
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to."""

    state: str | None = None
    project_id: Id | None = None
    requester_id: Id | None = None
    waiting_on_me: bool = False
    q: str | None = None


def requisition_page(
    scope: TenantScope, caller: Caller, filters: Filters, window: Window, at: datetime
) -> Select[Any]:
    """The requisitions of one page that the caller may see, in order."""
    listing = _Listing(scope, caller, filters, window, at)
    if filters.waiting_on_me:
        return listing.merged(listing.waiting())
    if sees_all(caller) or filters.requester_id == caller.user_id:
        return window.cut(scope.select(requisitions, *SHOWN).where(*listing.conditions()))
    return listing.merged(listing.visible())


@dataclass(frozen=True, slots=True)
class _Listing:
    scope: TenantScope
    caller: Caller
    filters: Filters
    window: Window
    at: datetime

    def conditions(self) -> list[ColumnElement[bool]]:
        """What every row of the list meets."""
        wanted = self.filters
        equal = (
            (R.state, wanted.state),
            (R.project_id, wanted.project_id),
            (R.requester_id, wanted.requester_id),
        )
        met: list[ColumnElement[bool]] = [
            column == value for column, value in equal if value is not None
        ]
        return met + [self._has_word(word) for word in words_of([wanted.q])]

    def visible(self) -> list[Select[Any]]:
        """The parts of a list for somebody who does not see all."""
        parts = [self._part(R.requester_id == self.caller.user_id), self._delegated()]
        if self.caller.may(READ):
            parts.append(self._of_own_projects())
        parts.append(self._part(self._names_own_permission(), self._is_named_in_policies()))
        return parts

    def waiting(self) -> list[Select[Any]]:
        """The parts of the list of what the caller can decide now."""
        parts = [self._waiting_for_permission()]
        if self.caller.may(APPROVE):
            parts.append(self._delegated(*self._not_own()))
        return parts

    def merged(self, parts: Sequence[Select[Any]]) -> Select[Any]:
        """One page of what all parts find."""
        return merged_page(self.scope, self.window, parts, requisitions, SHOWN)

    def _part(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        met = (*self.conditions(), *conditions)
        return part_of(self.scope, self.window, requisitions, R.updated_at, met)

    def _of_own_projects(self) -> Select[Any]:
        joined = identity.project_members
        own = self.scope.select(joined, joined.c.project_id)
        own_projects = own.where(joined.c.user_id == self.caller.user_id).subquery("own_projects")
        part = self._part(R.project_id == own_projects.c.project_id)
        return self.scope.each(own_projects, part.lateral("of_own_projects"))

    def _waiting_for_permission(self) -> Select[Any]:
        unnested = func.unnest(self._permissions())
        held = unnested.table_valued(column("permission", Text()), name="held").render_derived()
        part = self._part(R.waiting_permission == held.c.permission, *self._not_own())
        return self.scope.each(held, part.lateral("waiting"))

    def _delegated(self, *conditions: ColumnElement[bool]) -> Select[Any]:
        holds = or_(R.delegate_until.is_(None), R.delegate_until > self.at)
        return self._part(R.delegate_id == self.caller.user_id, holds, *conditions)

    def _not_own(self) -> list[ColumnElement[bool]]:
        if self.caller.may(APPROVE_OWN):
            return []
        return [R.requester_id != self.caller.user_id]

    def _names_own_permission(self) -> ColumnElement[bool]:
        return R.step_permissions.op("&&")(self._permissions())

    def _is_named_in_policies(self) -> ColumnElement[bool]:
        # A step's permission comes from a policy. For those whose permissions no policy names,
        # which is nearly everybody, this part is not read at all.
        policies = identity.approval_policies
        step = func.jsonb_array_elements(policies.c.steps).table_valued("value", name="step")
        permission = step.c.value.op("->>")("permission")
        named = self.scope.select(policies, literal(1)).join(step, true())
        return exists(named.where(permission == any_(self._permissions())))

    def _has_word(self, word: str) -> ColumnElement[bool]:
        found = requisition_words.c
        with_word = self.scope.select(requisition_words, found.requisition_id)
        return R.id.in_(with_word.where(found.word >= word, found.word < after_all(word)))

    def _permissions(self) -> ColumnElement[Any]:
        return literal(sorted(self.caller.permissions), ARRAY(Text()))
