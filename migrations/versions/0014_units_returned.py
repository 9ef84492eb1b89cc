"""How many units of an assignment have come back, as the inventory has confirmed.

Until now that was made out from what is shown beside it, and was wrong once the rest had been
handed on. The column is filled by the rebuild that the projection's new version asks for; the
default lets a projector of the version before go on until it is stopped.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE read.assignments ADD COLUMN returned integer NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE read.assignments DROP COLUMN returned")
