"""Lines of requisitions show which assignments meet them.

Nothing was ever kept for a line before, so the rows that are there already are right with none:
no rebuild is needed. The default lets a projector of the version before go on until it is stopped.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute(
        "ALTER TABLE read.requisition_lines ADD COLUMN assignments jsonb NOT NULL DEFAULT '[]'"
    )


def downgrade() -> None:
    """Drop the column."""
    op.execute("ALTER TABLE read.requisition_lines DROP COLUMN assignments")
