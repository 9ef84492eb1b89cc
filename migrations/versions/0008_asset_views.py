"""What the asset routes read: lists in their orders, things by their words, and facts of things."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES = """
CREATE INDEX assets_by_update
    ON inventory.assets (tenant_id, coalesce(updated_at, '-infinity'::timestamptz), external_id);
CREATE INDEX assets_by_status ON inventory.assets (tenant_id, status_external_id, tag, external_id);
CREATE INDEX assets_of_a_model
    ON inventory.assets (tenant_id, model_external_id, tag, external_id);
CREATE INDEX assets_at_a_location
    ON inventory.assets (tenant_id, location_external_id, tag, external_id);
CREATE INDEX assets_to_hand_out ON inventory.assets (tenant_id, tag, external_id)
    WHERE can_check_out AND deleted_at IS NULL;
CREATE INDEX accessories_by_name ON inventory.accessories (tenant_id, name, external_id);
CREATE INDEX consumables_by_name ON inventory.consumables (tenant_id, name, external_id);
CREATE INDEX categories_by_name ON inventory.categories (tenant_id, name, external_id);
CREATE INDEX status_labels_by_name ON inventory.status_labels (tenant_id, name, external_id);
"""

# The beginning of a word is looked for as a range: row-level security lets an index be used for
# nothing that could give a row away, which text search and arrays are taken to do.
WORDS = """
CREATE TABLE inventory.words (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    word text COLLATE "C" NOT NULL,
    external_id bigint NOT NULL,
    CONSTRAINT words_pkey PRIMARY KEY (tenant_id, kind, word, external_id)
);
CREATE INDEX words_of_a_thing ON inventory.words (tenant_id, kind, external_id);
ALTER TABLE inventory.words ENABLE ROW LEVEL SECURITY;
ALTER TABLE inventory.words FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant_to_read ON inventory.words FOR SELECT TO qm_query
    USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
CREATE POLICY every_tenant ON inventory.words TO qm_worker USING (true) WITH CHECK (true);
GRANT SELECT ON inventory.words TO qm_query;
GRANT SELECT, INSERT, DELETE ON inventory.words TO qm_worker;

CREATE FUNCTION inventory.words_in(told text)
RETURNS SETOF text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT left(found.word, 40)
    FROM regexp_split_to_table(lower(told), '\\W+') AS found(word) WHERE found.word <> ''
$$;
"""

# Called with the kind and the columns that tell what it is.
REMEMBER = """
CREATE FUNCTION inventory.remember_words()
RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    told text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM inventory.words w WHERE w.tenant_id = OLD.tenant_id
            AND w.kind = TG_ARGV[0] AND w.external_id = OLD.external_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT string_agg(column_.value, ' ') INTO told
        FROM jsonb_each_text(to_jsonb(NEW)) AS column_
        WHERE column_.key = ANY (string_to_array(TG_ARGV[1], ' '));
        INSERT INTO inventory.words (tenant_id, kind, word, external_id)
        SELECT NEW.tenant_id, TG_ARGV[0], found.word, NEW.external_id
        FROM inventory.words_in(coalesce(told, '')) AS found(word);
    END IF;
    RETURN NULL;
END
$$;
GRANT EXECUTE ON FUNCTION inventory.words_in, inventory.remember_words TO qm_worker;
"""

TOLD_BY = {
    "assets": ("asset", ("name", "tag", "serial", "order_number")),
    "models": ("model", ("name", "model_number", "manufacturer_name")),
    "locations": ("location", ("name", "city")),
    "accessories": ("accessory", ("name", "model_number")),
    "consumables": ("consumable", ("name", "item_number")),
}

TRIGGERS = """
CREATE TRIGGER words_of_new AFTER INSERT OR DELETE ON inventory.{table}
    FOR EACH ROW EXECUTE FUNCTION inventory.remember_words('{kind}', '{columns}');
CREATE TRIGGER words_of_changed AFTER UPDATE ON inventory.{table}
    FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))
    EXECUTE FUNCTION inventory.remember_words('{kind}', '{columns}');
"""

THING = """
CREATE FUNCTION inventory.thing_of(tenant uuid, thing_kind text, thing uuid)
RETURNS TABLE (
    external_id bigint, removed boolean, type text, holder_kind text, holder_external_id bigint
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    CASE thing_kind
    WHEN 'asset' THEN
        RETURN QUERY SELECT a.external_id, a.deleted_at IS NOT NULL, NULL::text, a.holder_kind,
            a.holder_external_id
        FROM inventory.assets a WHERE a.tenant_id = tenant AND a.id = thing;
    WHEN 'model' THEN
        RETURN QUERY SELECT m.external_id, m.deleted_at IS NOT NULL, NULL::text, NULL::text,
            NULL::bigint
        FROM inventory.models m WHERE m.tenant_id = tenant AND m.id = thing;
    WHEN 'location' THEN
        RETURN QUERY SELECT l.external_id, l.deleted_at IS NOT NULL, NULL::text, NULL::text,
            NULL::bigint
        FROM inventory.locations l WHERE l.tenant_id = tenant AND l.id = thing;
    WHEN 'category' THEN
        RETURN QUERY SELECT c.external_id, c.deleted_at IS NOT NULL, c.type, NULL::text,
            NULL::bigint
        FROM inventory.categories c WHERE c.tenant_id = tenant AND c.id = thing;
    ELSE
        RETURN;
    END CASE;
END
$$;
REVOKE ALL ON FUNCTION inventory.thing_of FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.thing_of TO qm_command;
"""


def upgrade() -> None:
    """Create the indexes, the words with what keeps them, and the function."""
    op.execute(INDEXES)
    op.execute(WORDS)
    op.execute(REMEMBER)
    for table, (kind, columns) in TOLD_BY.items():
        op.execute(
            TRIGGERS.format(
                table=table,
                kind=kind,
                columns=" ".join(columns),
                old=", ".join(f"OLD.{name}" for name in columns),
                new=", ".join(f"NEW.{name}" for name in columns),
            )
        )
    op.execute(THING)


def downgrade() -> None:
    """Drop them."""
    for table in TOLD_BY:
        op.execute(f"DROP TRIGGER words_of_new ON inventory.{table}")
        op.execute(f"DROP TRIGGER words_of_changed ON inventory.{table}")
    op.execute("DROP FUNCTION inventory.thing_of, inventory.remember_words, inventory.words_in")
    op.execute("DROP TABLE inventory.words")
    for index in (
        "assets_by_update",
        "assets_by_status",
        "assets_of_a_model",
        "assets_at_a_location",
        "assets_to_hand_out",
        "accessories_by_name",
        "consumables_by_name",
        "categories_by_name",
        "status_labels_by_name",
    ):
        op.execute(f"DROP INDEX inventory.{index}")
