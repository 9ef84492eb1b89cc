"""Which units are being handed over: they are taken until that is settled, however late.

No event before this version says so of units, and a rebuild makes none of those that are there.
The default lets a projector of the version before go on until it is stopped.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE read.item_holds ADD COLUMN leaving boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE read.item_holds DROP COLUMN leaving")
