"""Assignments as lists and pages show them, and what is held of each item.

How an operation stands is not copied into an assignment's row: the row names its operations, and
a reader joins read.inventory_operations. Both tables belong to one projection, so what is joined
is of one moment of the log, and each row comes from the events of one stream alone.
"""

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, Table, case, literal_column
from sqlalchemy import text as text_
from sqlalchemy.sql.elements import Grouping

from read_tables.tables import document, metadata, text, time, ulid, whole

assignments = Table(
    "assignments",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    # As domain.assignments has them; an overdue one that is on its way back is "returning".
    text("state"),
    # How a closed one ended: returned, lost, stolen, consumed, written_off, transferred
    text("outcome", null=True),
    text("item_kind"),
    ulid("item_id"),
    whole("quantity"),
    # Units that the inventory has confirmed to be out.
    whole("outstanding"),
    text("custodian_kind"),
    ulid("custodian_id"),
    ulid("project_id", null=True),
    ulid("requisition_id", null=True),
    ulid("line_id", null=True),
    time("begins"),
    time("due", null=True),
    # The date that was asked for, and whether that is "requested" or "approved" (and waits for
    # the inventory); null when nothing is asked.
    time("asked_due", null=True),
    text("extension", null=True),
    text("extension_reason", null=True),
    # How often the due date was put off.
    whole("renewals"),
    Column("overdue", Boolean(), nullable=False),
    # The last reminder that fell due, in days after the due date.
    Column("reminded_day", Integer(), nullable=True),
    # Whether the inventory was known to have the units when they were reserved.
    Column("verified", Boolean(), nullable=False),
    # Handed over although the inventory could not be asked.
    Column("offline", Boolean(), nullable=False),
    # What the inventory has not answered: [{operation_id, awaited, quantity, by}].
    document("pending"),
    # The operation that was asked for last, or refused last; null once all is confirmed.
    ulid("operation_id", null=True),
    ulid("reserved_by", null=True),
    # Of the events that carry the inventory's evidence, never of what was asked for.
    time("issued_at", null=True),
    time("returned_at", null=True),
    # What the inventory last said, with ``read_at``; {} fields as in the events.
    document("evidence", null=True),
    # Whether somebody vouched for any of it instead.
    Column("attested", Boolean(), nullable=False),
    time("accepted_at", null=True),
    ulid("accepted_by", null=True),
    ulid("witness_id", null=True),
    text("terms", null=True),
    time("declined_at", null=True),
    text("decline_reason", null=True),
    # What was received: [{operation_id, quantity, units, checklist, location_id, note, by, at,
    #  confirmed_at, failed}]
    document("returns"),
    # {kind: lost | stolen, note, by, at, confirmed_at}
    document("loss", null=True),
    # While it is handed on: {to: {kind, id}, successor_id, by, at}.
    document("transfer", null=True),
    ulid("successor_id", null=True),
    ulid("transferred_from", null=True),
    # {actual: [kind, external id] or null, read_at, at, resolution: external_return, reasserted,
    #  relinked or null while nobody has decided} as long as the inventory disagrees; of an
    # accessory with units: how many nobody has
    document("drift", null=True),
    # Why it was cancelled, or why the last operation failed.
    text("reason", null=True),
    time("closed_at", null=True),
    time("created_at"),
    time("updated_at"),
    whole("version"),
    # Whether the custodian was told to collect it, when it was reserved or when its time was near.
    Column("told_to_collect", Boolean(), nullable=False),
    # Units that the inventory has confirmed to be back, at the desk or over there; never
    # what was said to be missing or used up, or was handed on.
    whole("returned"),
)

# What a list by due date is sorted by: without one comes after all others.
_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
DUE_KEY = Grouping(case((assignments.c.due.is_(None), _NEVER), else_=assignments.c.due))

# Written out, so that the planner knows the partial indexes by them.
IS_OVERDUE = literal_column("assignments.overdue", Boolean())
IS_UNSETTLED = literal_column("assignments.operation_id IS NOT NULL", Boolean())
HAS_DRIFTED = literal_column(
    "(assignments.drift IS NOT NULL AND assignments.closed_at IS NULL)", Boolean()
)
IS_DECLINED = literal_column(
    "(assignments.declined_at IS NOT NULL AND assignments.closed_at IS NULL)", Boolean()
)
IS_TO_COME_BACK = literal_column(
    "(assignments.state IN ('active', 'overdue') AND assignments.due IS NOT NULL)", Boolean()
)
# As Standing.held counts: a drift that is not about units of an accessory names none.
IS_HELD = literal_column(
    "(assignments.drift IS NULL OR assignments.drift->>'actual' IS NOT NULL"
    " OR (assignments.drift->>'units')::int < assignments.outstanding)",
    Boolean(),
)
IS_TO_BE_COLLECTED = literal_column("assignments.state = 'reserved'", Boolean())

Index("assignments_by_update", *assignments.c["tenant_id", "updated_at", "id"])
Index("assignments_by_creation", *assignments.c["tenant_id", "created_at", "id"])
Index("assignments_by_due", assignments.c.tenant_id, DUE_KEY, assignments.c.id)
Index("assignments_by_state", *assignments.c["tenant_id", "state", "updated_at", "id"])
Index("assignments_by_custodian", *assignments.c["tenant_id", "custodian_id", "updated_at", "id"])
Index(
    "assignments_by_custodian_and_due",
    *assignments.c["tenant_id", "custodian_id"],
    DUE_KEY,
    assignments.c.id,
)
Index("assignments_by_project", *assignments.c["tenant_id", "project_id", "updated_at", "id"])
Index("assignments_by_item", *assignments.c["tenant_id", "item_id", "updated_at", "id"])
Index(
    "assignments_by_requisition",
    *assignments.c["tenant_id", "requisition_id", "updated_at", "id"],
    postgresql_where=assignments.c.requisition_id.is_not(None),
)
Index(
    "assignments_overdue",
    assignments.c.tenant_id,
    DUE_KEY,
    assignments.c.id,
    postgresql_where=text_("overdue"),
)
Index(
    "assignments_unsettled",
    *assignments.c["tenant_id", "updated_at", "id"],
    postgresql_where=text_("operation_id IS NOT NULL"),
)
Index(
    "assignments_drifted",
    *assignments.c["tenant_id", "updated_at", "id"],
    postgresql_where=text_("drift IS NOT NULL"),
)
Index(
    "assignments_declined",
    *assignments.c["tenant_id", "updated_at", "id"],
    postgresql_where=text_("declined_at IS NOT NULL AND closed_at IS NULL"),
)
# Across tenants, for the timers.
Index(
    "assignments_to_come_back",
    *assignments.c["due", "id"],
    postgresql_where=text_("state IN ('active', 'overdue') AND due IS NOT NULL"),
)
Index(
    "assignments_to_collect",
    *assignments.c["begins", "id"],
    postgresql_where=text_("state = 'reserved'"),
)

item_books = Table(
    "item_books",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    text("item_kind"),
    ulid("item_id"),
    time("updated_at"),
    whole("version"),
)
Index("item_books_by_item", *item_books.c["tenant_id", "item_id"])

item_holds = Table(
    "item_holds",
    metadata,
    ulid("book_id", key=True),
    ulid("assignment_id", key=True),
    ulid("tenant_id"),
    text("item_kind"),
    ulid("item_id"),
    whole("quantity"),
    time("begins"),
    # Null: for good.
    time("until", null=True),
    # The units have been handed over; an asset as soon as it is being handed over.
    Column("out", Boolean(), nullable=False),
    # The units are being handed over; nobody has confirmed that they left the store.
    Column("leaving", Boolean(), nullable=False),
)
Index("item_holds_by_item", *item_holds.c["tenant_id", "item_id", "begins"])
Index("item_holds_by_assignment", *item_holds.c["tenant_id", "assignment_id"])
