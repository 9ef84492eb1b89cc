"""The log: an append-only table of events, and the functions that alone may add to it.

Revision ID: 0001
Revises:
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Login roles get their passwords from `infrastructure.migrate`, which knows the URLs. The owner
# must be able to hand functions to qm_log_writer and, later, the read tables to qm_rebuild.
ROLES = """
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['qm_command', 'qm_query', 'qm_relay', 'qm_projector',
                                'qm_rebuild', 'qm_worker', 'qm_log_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOSUPERUSER NOBYPASSRLS', name);
        END IF;
    END LOOP;
END
$$;
GRANT qm_log_writer, qm_rebuild TO CURRENT_USER;
"""

# Wide columns first, the fixed ones in descending alignment: no padding in a row.
TABLES = """
CREATE SCHEMA log;

CREATE TABLE log.stored_events (
    notification_id bigint NOT NULL,
    originator_version bigint NOT NULL CHECK (originator_version > 0),
    recorded_at timestamptz NOT NULL,
    originator_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    command_id uuid NOT NULL,
    actor_id uuid,
    topic text NOT NULL,
    correlation_id text NOT NULL,
    causation_id text,
    state bytea NOT NULL,
    CONSTRAINT stored_events_pkey PRIMARY KEY (originator_id, originator_version)
);
CREATE UNIQUE INDEX stored_events_notification_id_idx ON log.stored_events (notification_id);
COMMENT ON COLUMN log.stored_events.notification_id IS
    'The position: gapless, in commit order. N means that exactly N events exist.';

CREATE TABLE log.log_head (
    one boolean CONSTRAINT log_head_has_one_row PRIMARY KEY DEFAULT true CHECK (one),
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    position bigint NOT NULL
) WITH (
    fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0
);
INSERT INTO log.log_head (position) VALUES (0);
COMMENT ON TABLE log.log_head IS 'Whoever holds the lock on this row is the only writer.';

CREATE TABLE log.command_keys (
    command_id uuid CONSTRAINT command_keys_pkey PRIMARY KEY,
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    position bigint NOT NULL,
    fingerprint bytea NOT NULL,
    answer jsonb NOT NULL
);
COMMENT ON TABLE log.command_keys IS
    'Answers to commands that may be repeated. position: that of the last event of the command.';

CREATE TABLE log.abandoned_batches (
    batch_id uuid CONSTRAINT abandoned_batches_pkey PRIMARY KEY,
    abandoned_at timestamptz NOT NULL
);
COMMENT ON TABLE log.abandoned_batches IS
    'Batches whose connection was lost. One that has not been stored by then never will be.';
"""

SETTINGS = """
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET jit = off
"""

# One batch of commands, in columns: `number` in the functions below counts a column's elements.
# `event_commands` and `checked_commands` say which command an event or a checked stream is of.
BATCH = """
CREATE TYPE log.batch AS (
    id uuid,
    command_ids uuid[], command_tenants uuid[], fingerprints bytea[], answers text[],
    event_counts integer[],
    checked_commands integer[], checked_streams uuid[], checked_versions bigint[],
    event_commands integer[], streams uuid[], versions bigint[], topics text[], states bytea[],
    tenants uuid[], actors uuid[], correlations text[], causations text[]
);
"""

# A plan must not be cached while the tables are small and then used when they are large: hence
# no sequential scans in these functions, whatever the planner thinks of their size.
APPEND = f"""
CREATE FUNCTION log.append(
    batch log.batch, patience_ms integer, alone boolean,
    OUT outcomes text[], OUT positions bigint[], OUT earlier_answers jsonb[], OUT moved uuid[]
)
LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
#variable_conflict use_column
DECLARE
    head bigint;
    at timestamptz;
BEGIN
    PERFORM set_config('lock_timeout', patience_ms::text, true);
    SELECT position INTO STRICT head FROM log.log_head FOR UPDATE;
    -- From here on nobody else appends, and each statement sees all that was ever appended.
    at := clock_timestamp();
    IF EXISTS (SELECT FROM log.abandoned_batches WHERE batch_id = batch.id) THEN
        RAISE EXCEPTION 'batch % was abandoned', batch.id USING ERRCODE = 'QM001';
    END IF;

    WITH moved_stream AS (
        SELECT DISTINCT ON (c.command) c.command, c.stream
        FROM unnest(batch.checked_commands, batch.checked_streams, batch.checked_versions)
            WITH ORDINALITY AS c (command, stream, version, number)
        WHERE c.version <> coalesce((
            SELECT max(e.originator_version) FROM log.stored_events e
            WHERE e.originator_id = c.stream), 0)
        ORDER BY c.command, c.number
    ),
    judged AS (
        SELECT c.*, k.position AS earlier_position, k.answer AS earlier_answer, m.stream,
            CASE WHEN k.fingerprint = c.fingerprint THEN 'replayed'
                 WHEN k.fingerprint IS NOT NULL THEN 'reused'
                 WHEN m.stream IS NOT NULL THEN 'moved'
                 ELSE 'stored' END AS outcome
        FROM unnest(batch.command_ids, batch.command_tenants, batch.fingerprints, batch.answers,
                    batch.event_counts)
            WITH ORDINALITY AS c (id, tenant, fingerprint, answer, events, number)
        LEFT JOIN log.command_keys k ON k.command_id =
            CASE WHEN c.fingerprint IS NOT NULL THEN c.id END
        LEFT JOIN moved_stream m ON m.command = c.number
    ),
    command AS MATERIALIZED (
        SELECT j.*, coalesce(j.earlier_position, head + sum(
            CASE WHEN j.outcome = 'stored' THEN j.events ELSE 0 END) OVER (ORDER BY j.number)
        )::bigint AS position
        FROM judged j
    ),
    new_events AS (
        INSERT INTO log.stored_events (
            notification_id, originator_version, recorded_at, originator_id, tenant_id,
            command_id, actor_id, topic, correlation_id, causation_id, state)
        SELECT head + row_number() OVER (ORDER BY e.number), e.version, at, e.stream, e.tenant,
            batch.command_ids[e.command], e.actor, e.topic, e.correlation, e.causation, e.state
        FROM unnest(batch.event_commands, batch.streams, batch.versions, batch.topics,
                    batch.states, batch.tenants, batch.actors, batch.correlations,
                    batch.causations)
            WITH ORDINALITY AS e (command, stream, version, topic, state, tenant, actor,
                                  correlation, causation, number)
        WHERE (ARRAY(SELECT c.outcome = 'stored' FROM command c ORDER BY c.number))[e.command]
    ),
    new_keys AS (
        INSERT INTO log.command_keys (
            command_id, tenant_id, created_at, position, fingerprint, answer)
        SELECT c.id, c.tenant, at, c.position, c.fingerprint, c.answer::jsonb
        FROM command c WHERE c.outcome = 'stored' AND c.fingerprint IS NOT NULL
    )
    SELECT array_agg(c.outcome ORDER BY c.number), array_agg(c.position ORDER BY c.number),
        array_agg(c.earlier_answer ORDER BY c.number), array_agg(c.stream ORDER BY c.number),
        max(CASE WHEN c.outcome = 'stored' THEN c.position END)
    INTO outcomes, positions, earlier_answers, moved, head
    FROM command c;

    IF alone AND outcomes[1] <> 'stored' THEN
        RAISE EXCEPTION USING ERRCODE = 'QM002', MESSAGE = outcomes[1], DETAIL = jsonb_build_object(
            'position', positions[1], 'answer', earlier_answers[1], 'moved', moved[1]);
    END IF;
    UPDATE log.log_head SET position = head WHERE position < head;
    IF FOUND THEN
        PERFORM pg_notify('qm_log', head::text);
    END IF;
END
$$;
"""  # noqa: S608 - constants of this page

# Taking the head's lock waits for a lost transaction that is still committing; the note in
# abandoned_batches stops one that has not come so far yet. A stored command's position is that of
# its first event here, and that of its last one in what was kept of it.
SETTLE = f"""
CREATE FUNCTION log.settle(batch log.batch, patience_ms integer)
RETURNS TABLE (outcome text, "position" bigint, answer jsonb)
LANGUAGE plpgsql SECURITY DEFINER {SETTINGS} AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('lock_timeout', patience_ms::text, true);
    PERFORM FROM log.log_head FOR UPDATE;
    INSERT INTO log.abandoned_batches VALUES (batch.id, clock_timestamp()) ON CONFLICT DO NOTHING;
    RETURN QUERY
    WITH first_event AS (
        SELECT DISTINCT ON (e.command) e.command, s.notification_id
        FROM unnest(batch.event_commands, batch.streams, batch.versions)
            WITH ORDINALITY AS e (command, stream, version, number)
        JOIN log.stored_events s ON s.originator_id = e.stream
            AND s.originator_version = e.version
            AND s.command_id = batch.command_ids[e.command]
        ORDER BY e.command, e.number
    )
    SELECT CASE WHEN f.notification_id IS NOT NULL THEN 'stored'
                WHEN k.fingerprint = c.fingerprint THEN 'replayed'
                WHEN k.fingerprint IS NOT NULL THEN 'reused'
                ELSE 'not stored' END,
        coalesce(f.notification_id, k.position), k.answer
    FROM unnest(batch.command_ids, batch.fingerprints)
        WITH ORDINALITY AS c (id, fingerprint, number)
    LEFT JOIN first_event f ON f.command = c.number
    LEFT JOIN log.command_keys k ON k.command_id = c.id AND c.fingerprint IS NOT NULL
    ORDER BY c.number;
END
$$;
"""  # noqa: S608 - constants of this page

# Both run as their caller: row-level security applies, under the tenant that is named.
READ = """
CREATE FUNCTION log.read_stream(tenant uuid, stream uuid, after bigint)
RETURNS SETOF log.stored_events
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT e.* FROM log.stored_events e
    WHERE e.originator_id = stream AND e.originator_version > after AND e.tenant_id = tenant
    ORDER BY e.originator_version;
END
$$;

CREATE FUNCTION log.recall(tenant uuid, command uuid)
RETURNS TABLE ("position" bigint, fingerprint bytea, answer jsonb)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('app.tenant', tenant::text, true);
    RETURN QUERY
    SELECT k.position, k.fingerprint, k.answer FROM log.command_keys k
    WHERE k.command_id = command AND k.tenant_id = tenant;
END
$$;
"""

GRANTS = """
GRANT USAGE ON SCHEMA log TO qm_command, qm_query, qm_relay, qm_projector, qm_rebuild, qm_worker;
GRANT SELECT ON log.stored_events, log.log_head
    TO qm_command, qm_query, qm_relay, qm_projector, qm_rebuild, qm_worker;
GRANT SELECT ON log.command_keys TO qm_command, qm_worker;

GRANT USAGE, CREATE ON SCHEMA log TO qm_log_writer;
GRANT SELECT, INSERT ON log.stored_events, log.command_keys, log.abandoned_batches
    TO qm_log_writer;
GRANT SELECT, UPDATE (position) ON log.log_head TO qm_log_writer;
ALTER FUNCTION log.append(log.batch, integer, boolean) OWNER TO qm_log_writer;
ALTER FUNCTION log.settle(log.batch, integer) OWNER TO qm_log_writer;
REVOKE CREATE ON SCHEMA log FROM qm_log_writer;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA log TO qm_command, qm_worker;
GRANT EXECUTE ON FUNCTION log.read_stream(uuid, uuid, bigint) TO qm_query;
"""

THIS_TENANT = "tenant_id = nullif(current_setting('app.tenant', true), '')::uuid"

POLICIES = f"""
ALTER TABLE log.stored_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.stored_events FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant ON log.stored_events FOR SELECT TO qm_command, qm_query
    USING ({THIS_TENANT});
CREATE POLICY every_tenant ON log.stored_events FOR SELECT
    TO qm_relay, qm_projector, qm_rebuild, qm_worker, qm_log_writer USING (true);
CREATE POLICY append ON log.stored_events FOR INSERT TO qm_log_writer WITH CHECK (true);

ALTER TABLE log.command_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE log.command_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY this_tenant ON log.command_keys FOR SELECT TO qm_command USING ({THIS_TENANT});
CREATE POLICY every_tenant ON log.command_keys FOR SELECT TO qm_worker, qm_log_writer
    USING (true);
CREATE POLICY append ON log.command_keys FOR INSERT TO qm_log_writer WITH CHECK (true);
"""


def upgrade() -> None:
    """Create the roles, the log, its functions, and what each role may do."""
    for statements in (ROLES, TABLES, BATCH, APPEND, SETTLE, READ, GRANTS, POLICIES):
        op.execute(statements)


def downgrade() -> None:
    """Refuse: a log is not to be dropped by a slip of the hand."""
    message = "the log is append-only: drop the database instead"
    raise NotImplementedError(message)
