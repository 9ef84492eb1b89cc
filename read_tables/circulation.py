"""Who had which item when: every step of custody as one row, in the order of the log."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table

from read_tables.tables import document, metadata, text, time, ulid, whole

circulation = Table(
    "circulation",
    metadata,
    # Of the event that it is made of.
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    ulid("tenant_id"),
    ulid("assignment_id"),
    time("at"),
    # issue, return, move, loss (confirmed or attested), receive, confirm, decline, loss_report,
    # recover (what people reported)
    text("type"),
    Column("confirmed", Boolean(), nullable=False),
    text("item_kind"),
    ulid("item_id"),
    whole("quantity"),
    ulid("project_id", null=True),
    # Who did it, or asked for it.
    ulid("by", null=True),
    # {kind, id}; null for the inventory itself, and while nobody is known to have it.
    document("custodian_before", null=True),
    document("custodian_after", null=True),
    ulid("operation_id", null=True),
    # When the inventory was read, where it confirmed.
    time("read_at", null=True),
    # Where it was put, where somebody said so.
    ulid("location_id", null=True),
    text("note", null=True),
    # Whether an inventory manager vouched for it, and the inventory has not confirmed it.
    Column("attested", Boolean(), nullable=False),
)
Index("circulation_by_position", *circulation.c["tenant_id", "position"])
Index("circulation_by_item", *circulation.c["tenant_id", "item_id", "position"])
Index("circulation_by_assignment", *circulation.c["tenant_id", "assignment_id", "position"])
Index("circulation_by_project", *circulation.c["tenant_id", "project_id", "position"])
Index("circulation_by_type", *circulation.c["tenant_id", "type", "position"])
Index("circulation_by_time", *circulation.c["tenant_id", "at", "position"])
