"""Which reading a row of the mirror is from: the clock that says when may be set back."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

KINDS = (
    "models",
    "assets",
    "users",
    "locations",
    "status_labels",
    "categories",
    "suppliers",
    "companies",
    "accessories",
    "consumables",
)


def upgrade() -> None:
    """What is there is older than any reading that is counted."""
    op.execute("CREATE SEQUENCE inventory.readings")
    op.execute("GRANT USAGE ON SEQUENCE inventory.readings TO qm_worker")
    for kind in KINDS:
        op.execute(f"ALTER TABLE inventory.{kind} ADD COLUMN reading bigint NOT NULL DEFAULT 0")


def downgrade() -> None:
    """Drop the columns and what they are counted by."""
    for kind in KINDS:
        op.execute(f"ALTER TABLE inventory.{kind} DROP COLUMN reading")
    op.execute("DROP SEQUENCE inventory.readings")
