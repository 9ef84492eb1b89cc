"""Approval policies, as lists and pages show them."""

from sqlalchemy import Boolean, Column, Index, Table

from read_tables.tables import AMOUNT, document, metadata, text, time, ulid, whole

approval_policies = Table(
    "approval_policies",
    metadata,
    ulid("id", key=True),
    ulid("tenant_id"),
    text("name"),
    # A list of steps, each with its name and permission.
    document("steps"),
    Column("min_amount", AMOUNT, nullable=True),
    ulid("project_id", null=True),
    time("created_at"),
    whole("version"),
    Column("require_live_availability", Boolean(), nullable=False),
)
Index("approval_policies_by_creation", *approval_policies.c["tenant_id", "created_at", "id"])
