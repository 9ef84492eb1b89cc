"""Whether a custodian was told to collect what is reserved, and the list of what was declined.

Until now everybody was told when it was reserved. Those whose time is more than a day after that
are told again when it is near; for all others the column says what a rebuild would. The default
lets a projector of the version before go on until it is stopped.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index."""
    op.execute(
        "ALTER TABLE read.assignments ADD COLUMN told_to_collect boolean NOT NULL DEFAULT false"
    )
    op.execute(
        "UPDATE read.assignments SET told_to_collect = true"
        " WHERE begins - created_at <= interval '1 day'"
    )
    op.execute(
        "CREATE INDEX assignments_declined ON read.assignments (tenant_id, updated_at, id)"
        " WHERE declined_at IS NOT NULL AND closed_at IS NULL"
    )


def downgrade() -> None:
    """Drop both."""
    op.execute("DROP INDEX read.assignments_declined")
    op.execute("ALTER TABLE read.assignments DROP COLUMN told_to_collect")
