"""Requisitions as lists and pages show them, their lines, and the words they are found by."""

from sqlalchemy import Boolean, Column, DateTime, Index, Table, Text, case, literal_column
from sqlalchemy import text as text_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.elements import Grouping

from read_tables.tables import AMOUNT, document, metadata, text, time, ulid, whole

requisitions = Table(
    "requisitions",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    ulid("project_id"),
    text("state"),
    text("purpose"),
    ulid("requester_id"),
    ulid("beneficiary_id", null=True),
    time("needed_from", null=True),
    time("needed_until", null=True),
    Column("amount", AMOUNT, nullable=True),
    # The policy that the requester named; the one that was pinned stands in ``approval``.
    ulid("policy_id", null=True),
    # {policy_id, policy_name, step: 1-based or null, steps: [{name, permission, decision,
    #  decided_by, decided_at, note, delegated: [{to_user_id, by, until}]}],
    #  require_live_availability: true, or not there}
    document("approval", null=True),
    # Who is being waited for: the permission of the current step, and the person it was last
    # delegated to (``delegate_until``: when that ends; null means that it does not).
    text("waiting_permission", null=True),
    ulid("delegate_id", null=True),
    time("delegate_until", null=True),
    Column("step_permissions", ARRAY(Text()), nullable=False),
    text("reason", null=True),
    ulid("cloned_from", null=True),
    time("created_at"),
    time("updated_at"),
    whole("version"),
)

# What a list by need is sorted by: a requisition without a date comes after all others. Not
# coalesce, which the planner takes for leaky under row-level security and keeps from the index.
_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
NEEDED_FROM_KEY = Grouping(
    case((requisitions.c.needed_from.is_(None), _NEVER), else_=requisitions.c.needed_from)
)

# Approved and not yet at an end. Written out, so that the planner knows the index by it.
IS_OPEN = literal_column("requisitions.state IN ('approved', 'fulfilling')", Boolean())

# Each list is read through one of these, newest change first unless it says otherwise.
Index("requisitions_by_update", *requisitions.c["tenant_id", "updated_at", "id"])
Index("requisitions_by_creation", *requisitions.c["tenant_id", "created_at", "id"])
Index("requisitions_by_need", requisitions.c.tenant_id, NEEDED_FROM_KEY, requisitions.c.id)
Index("requisitions_by_state", *requisitions.c["tenant_id", "state", "updated_at", "id"])
Index("requisitions_by_project", *requisitions.c["tenant_id", "project_id", "updated_at", "id"])
Index("requisitions_by_requester", *requisitions.c["tenant_id", "requester_id", "updated_at", "id"])
Index(
    "requisitions_waiting_for_permission",
    *requisitions.c["tenant_id", "waiting_permission", "updated_at", "id"],
    postgresql_where=requisitions.c.waiting_permission.is_not(None),
)
Index(
    "requisitions_waiting_by_creation",
    *requisitions.c["tenant_id", "waiting_permission", "created_at", "id"],
    postgresql_where=requisitions.c.waiting_permission.is_not(None),
)
Index(
    "requisitions_waiting_by_need",
    *requisitions.c["tenant_id", "waiting_permission"],
    NEEDED_FROM_KEY,
    requisitions.c.id,
    postgresql_where=requisitions.c.waiting_permission.is_not(None),
)
Index(
    "requisitions_waiting_for_delegate",
    *requisitions.c["tenant_id", "delegate_id", "updated_at", "id"],
    postgresql_where=requisitions.c.delegate_id.is_not(None),
)
Index(
    "requisitions_due",
    *requisitions.c["needed_until", "id"],
    postgresql_where=text_("state IN ('approved', 'fulfilling')"),
)

requisition_lines = Table(
    "requisition_lines",
    metadata,
    ulid("requisition_id", key=True),
    ulid("line_id", key=True),
    ulid("tenant_id"),
    whole("number"),
    text("kind"),
    text("item_id", null=True),
    text("description", null=True),
    whole("requested"),
    whole("approved"),
    whole("allocated"),
    whole("issuing"),
    whole("issued"),
    whole("closed_short"),
    text("note", null=True),
    # What assignments take of it: [{id, quantity, place: allocated | issuing | issued,
    #  item: {kind, id}, substitution_reason}]
    document("assignments"),
)

# ``q`` finds words by their beginning, as a range (word >= 'lap' and word < 'laq'): row-level
# security lets the planner use an index for these operators, not for LIKE.
requisition_words = Table(
    "requisition_words",
    metadata,
    ulid("tenant_id", key=True),
    Column("word", Text(collation="C"), primary_key=True),
    ulid("requisition_id", key=True),
)
Index("requisition_words_of_one", *requisition_words.c["requisition_id",])
