"""The feed: what people are told of, and what must be known of an object to tell of it.

Who has read what, and who wants to know what, is not made from the log: it stands in the schema
``notifications``, which no rebuild touches.
"""

from sqlalchemy import BigInteger, Column, Index, Table

from read_tables.tables import document, metadata, text, time, ulid

notification_subjects = Table(
    "notification_subjects",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    # As domain.notifications.notices keeps it.
    document("subject"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("position", BigInteger(), primary_key=True, autoincrement=False),
    # A person, or what stands for the leads of a project or the holders of a permission.
    ulid("audience_id", key=True),
    ulid("tenant_id"),
    ulid("aggregate_id"),
    # The first word of the event's name: requisition, assignment, inventory_operation.
    text("aggregate_kind"),
    text("kind"),
    time("at"),
    document("data"),
)
Index("notifications_by_audience", *notifications.c["tenant_id", "audience_id", "position"])
