"""How many units a drift is about; until now there was drift of assets alone."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Say of every drift that there is that it is not about units."""
    op.execute(
        "UPDATE read.assignments SET drift = drift || '{\"units\": null}' WHERE drift IS NOT NULL"
    )


def downgrade() -> None:
    """Take that back."""
    op.execute("UPDATE read.assignments SET drift = drift - 'units' WHERE drift IS NOT NULL")
