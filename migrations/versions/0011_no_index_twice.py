"""Drop two indexes of assets: those that the views of assets brought begin with the same columns.

Each of them cost something whenever the mirror wrote an asset, and no query asked for it.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COVERED = {
    "assets_by_model": "tenant_id, model_external_id, external_id",
    "assets_by_location": "tenant_id, location_external_id",
}
"""What is dropped; ``assets_of_a_model`` and ``assets_at_a_location`` do its work."""


def upgrade() -> None:
    """Drop them."""
    for index in COVERED:
        op.execute(f"DROP INDEX inventory.{index}")


def downgrade() -> None:
    """Make them anew."""
    for index, columns in COVERED.items():
        op.execute(f"CREATE INDEX {index} ON inventory.assets ({columns})")
