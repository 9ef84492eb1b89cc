"""Which steps of custody rest on the word of an inventory manager.

The steps that are there already are told anew by the rebuild that this version of the projection
asks for. The default lets a projector of the version before go on until it is stopped.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.execute("ALTER TABLE read.circulation ADD COLUMN attested boolean NOT NULL DEFAULT false")


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE read.circulation DROP COLUMN attested")
