"""Why a mirror cannot read, as a class beside the sentence: not everybody may know the sentence."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there are sentences; the class comes with the next failure."""
    op.execute("ALTER TABLE inventory.mirror_states RENAME COLUMN error TO message")
    op.execute("ALTER TABLE inventory.mirror_states ADD COLUMN error text")


def downgrade() -> None:
    """Keep the sentences."""
    op.execute("ALTER TABLE inventory.mirror_states DROP COLUMN error")
    op.execute("ALTER TABLE inventory.mirror_states RENAME COLUMN message TO error")
