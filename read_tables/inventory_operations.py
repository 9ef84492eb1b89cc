"""What is to be changed in the inventory, as the sync board shows it."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table
from sqlalchemy import text as text_

from read_tables.tables import document, metadata, text, time, ulid, whole

inventory_operations = Table(
    "inventory_operations",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    # checkout, checkin, set_due, … and what the subject wants it for: issue, return, due, …
    text("kind"),
    text("purpose"),
    # assignment or asset
    text("subject_kind"),
    ulid("subject_id"),
    text("item_kind"),
    ulid("item_id", null=True),
    Column("item_external_id", BigInteger(), nullable=True),
    # Who gets it or had it: {kind, id, external_id}.
    document("target", null=True),
    document("wanted"),
    # pending, synced, failed, needs_attention, compensated
    text("state"),
    # The worker's part of pending: waiting, in_flight, verifying; null in all other states.
    text("step", null=True),
    # Since when it is in its state.
    time("since"),
    whole("attempts"),
    time("next_attempt_at", null=True),
    # The class of what went wrong last, and its words where there are any.
    text("last_error", null=True),
    text("last_message", null=True),
    # The thing itself can no longer be handed out.
    Column("gone", Boolean(), nullable=False),
    # Refused for good, called off or abandoned: it is never tried again, whatever turns up later.
    Column("given_up", Boolean(), nullable=False),
    # Somebody has asked for proof, and the inventory is still to be read for it.
    Column("resolving", Boolean(), nullable=False),
    ulid("requested_by", null=True),
    time("requested_at"),
    time("synced_at", null=True),
    document("evidence", null=True),
    # What the inventory said instead of what was wanted.
    document("actual", null=True),
    # Somebody vouched for it: {by, reason, at}
    document("attestation", null=True),
    Column("created_external_id", BigInteger(), nullable=True),
    ulid("compensates", null=True),
    ulid("compensated_by", null=True),
    # The evidence that it happened after it had been given up.
    document("late_effect", null=True),
    time("updated_at"),
    whole("version"),
)

Index("inventory_operations_by_request", *inventory_operations.c["tenant_id", "requested_at", "id"])
Index("inventory_operations_by_state", *inventory_operations.c["tenant_id", "state", "since", "id"])
Index(
    "inventory_operations_by_state_and_request",
    *inventory_operations.c["tenant_id", "state", "requested_at", "id"],
)
Index("inventory_operations_by_age", *inventory_operations.c["tenant_id", "since", "id"])
Index(
    "inventory_operations_by_subject",
    *inventory_operations.c["tenant_id", "subject_id", "requested_at", "id"],
)
Index(
    "inventory_operations_by_item",
    *inventory_operations.c["tenant_id", "item_id", "requested_at", "id"],
)
Index(
    "inventory_operations_with_late_effect",
    *inventory_operations.c["tenant_id", "since", "id"],
    postgresql_where=text_("late_effect IS NOT NULL"),
)
# Across tenants, for the sweeps of the worker.
Index(
    "inventory_operations_open",
    *inventory_operations.c["since", "id"],
    postgresql_where=text_("state IN ('pending', 'needs_attention')"),
)
Index(
    "inventory_operations_given_up",
    *inventory_operations.c["since", "id"],
    postgresql_where=text_("state = 'failed' AND attempts > 0 AND late_effect IS NULL"),
)
