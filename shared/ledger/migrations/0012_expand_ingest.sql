-- Ingest: what was handed in and is worked off later. A job is one batch of the wire or one uploaded file.
--
-- A job has two lanes. In the lane of refusals goes every row of a key that has a RET among its rows, in
-- their order; everything else goes in the other. So no refusal waits behind approvals, of any job, and
-- the order of each key is kept.
--
-- Progress moves in the transaction that stores the movements (`record_step_v1`): a worker that dies leaves
-- a step done or not begun, and whoever goes on knows which.

CREATE TYPE ingest_kind AS ENUM ('BATCH', 'FILE');
CREATE TYPE ingest_state AS ENUM ('UPLOADING', 'QUEUED', 'DONE', 'FAILED', 'CANCELLED');
CREATE TYPE ingest_lane_name AS ENUM ('REFUSALS', 'APPROVALS');

-- `job_key` is the key that everything of this job is sealed with, itself sealed by the key file's sealing
-- key `sealing_key_id`. When the content has served its time, the key goes, and with it every copy.
CREATE TABLE ingest_job (
    job_id         uuid         NOT NULL CONSTRAINT ingest_job_pkey PRIMARY KEY,
    kind           ingest_kind  NOT NULL,
    state          ingest_state NOT NULL,
    user_id        integer      NOT NULL CONSTRAINT ingest_job_user_exists REFERENCES api_user,
    brand_code     integer,     -- of a batch; a file names brands in its rows or has one for all
    replayable     boolean      NOT NULL DEFAULT false,
    created_at     timestamptz  NOT NULL,
    finished_at    timestamptz,
    rows_seen      bigint       NOT NULL DEFAULT 0,
    sealing_key_id smallint     NOT NULL,
    job_key        bytea,
    body           bytea,       -- a batch's rows, sealed; null once they are worked off
    name           bytea,       -- a file's name, sealed
    size           bigint,      -- of a file, in bytes, as announced
    received       bigint       NOT NULL DEFAULT 0,
    content_mac    bytea,       -- recognises the same file with the same options again
    dry_run        boolean      NOT NULL DEFAULT false,
    surveyed       boolean      NOT NULL DEFAULT false,  -- which keys have refusals is known, and how many rows
    options        jsonb        NOT NULL DEFAULT '{}',
    failure        text,
    failure_detail text,
    CONSTRAINT ingest_job_batch_has_a_brand CHECK (kind = 'FILE' OR brand_code IS NOT NULL)
);
CREATE INDEX ingest_job_by_user ON ingest_job (user_id, created_at);
CREATE INDEX ingest_job_by_age ON ingest_job (created_at);
CREATE INDEX ingest_job_by_content ON ingest_job (user_id, content_mac);
-- Files are few among batches: lists of them, and what is swept, are read over this.
CREATE INDEX ingest_job_of_file ON ingest_job (user_id, created_at) WHERE kind = 'FILE';

-- `step` is the last that is done. `fence` grows with every claim: who lost its lease cannot write any more.
CREATE TABLE ingest_lane (
    job_id      uuid             NOT NULL CONSTRAINT ingest_lane_job_exists REFERENCES ingest_job ON DELETE CASCADE,
    lane        ingest_lane_name NOT NULL,
    user_id     integer          NOT NULL,
    created_at  timestamptz      NOT NULL,
    step        bigint           NOT NULL DEFAULT -1,
    done        boolean          NOT NULL DEFAULT false,
    given_up    boolean          NOT NULL DEFAULT false,  -- done, but not to its end
    fence       bigint           NOT NULL DEFAULT 0,
    leased_to   timestamptz      NOT NULL DEFAULT '-infinity',
    attempts    integer          NOT NULL DEFAULT 0,
    rows_done   bigint           NOT NULL DEFAULT 0,
    accepted    bigint           NOT NULL DEFAULT 0,
    unchanged   bigint           NOT NULL DEFAULT 0,
    refused     bigint           NOT NULL DEFAULT 0,
    CONSTRAINT ingest_lane_pkey PRIMARY KEY (job_id, lane)
);
CREATE INDEX ingest_lane_open ON ingest_lane (lane, created_at) WHERE NOT done;

-- Whose turn it is: accounts are served in the order in which they were served last.
CREATE TABLE ingest_turn (
    user_id   integer     NOT NULL CONSTRAINT ingest_turn_pkey PRIMARY KEY,
    served_at timestamptz NOT NULL
);

-- How many rows of a job ended how, by brand: ACCEPTED, UNCHANGED, or the code that turned them away. Rows of
-- which no brand can be read count under brand 0.
CREATE TABLE ingest_count (
    job_id     uuid    NOT NULL CONSTRAINT ingest_count_job_exists REFERENCES ingest_job ON DELETE CASCADE,
    brand_code integer NOT NULL,
    code       text    NOT NULL,
    rows       bigint  NOT NULL,
    CONSTRAINT ingest_count_pkey PRIMARY KEY (job_id, brand_code, code)
);

-- What became of each item of a batch. A stored one names its movement; one that was turned away its code.
CREATE TABLE ingest_item (
    job_id        uuid    NOT NULL CONSTRAINT ingest_item_job_exists REFERENCES ingest_job ON DELETE CASCADE,
    item_index    integer NOT NULL,
    code          text,
    facts         text,   -- what the code's text names, such as the status on record
    extent_id     bigint,
    extent_offset integer,
    replayed      boolean NOT NULL DEFAULT false,
    CONSTRAINT ingest_item_pkey PRIMARY KEY (job_id, item_index),
    CONSTRAINT ingest_item_is_stored_or_not CHECK ((code IS NULL) = (extent_id IS NOT NULL))
);
-- The first request that stored a movement, for those that repeat it (iys-api 4.5).
CREATE INDEX ingest_item_by_movement ON ingest_item (extent_id, extent_offset) WHERE NOT replayed;

-- A column of which every row has the same value may be given by that value alone.
CREATE FUNCTION for_every_row(p_column anyarray, p_rows integer) RETURNS anyarray
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN cardinality(p_column) = 1 AND p_rows > 1
                THEN array_fill(p_column[1], ARRAY[p_rows]) ELSE p_column END
$$;

-- One step of a lane: movements, the outcome of items, and the progress, or nothing of it.
--
-- The columns of the movements but digests and seals may be short (`for_every_row`).
--
-- Returns as `append_movements_v2` does; `left_out` not empty means that nothing was written: read, judge and
-- come again. Without movements only the progress is written. The head is taken by the append, so what
-- comes after it is short: the items of a batch, the counts, and one row.
--
-- A step may be sent while the one before (`p_after`) is under way: it waits for it here, before anything of its
-- own is locked, and was that one not stored, then nothing of this one is (IZ001).
--
-- SQLSTATE IZ004: the lease was lost, or this step is done already; somebody else is at it.
CREATE FUNCTION record_step_v1(
    p_job_id           uuid,
    p_lane             ingest_lane_name,
    p_fence            bigint,
    p_after            bigint,
    p_step             bigint,
    p_is_last          boolean,
    p_rows             bigint,
    p_accepted         bigint,
    p_unchanged        bigint,
    p_refused          bigint,
    p_count_brands     integer[],
    p_count_codes      text[],
    p_count_rows       bigint[],
    p_item_indexes     integer[],
    p_item_codes       text[],
    p_item_facts       text[],
    p_item_extents     bigint[],
    p_item_offsets     integer[],
    p_brand_code       integer,
    p_digest_key_id    smallint,
    p_sealing_key_id   smallint,
    p_nonce            bigint,
    p_approvals        integer,
    p_rejections       integer,
    p_digests          bytea[],
    p_channels         channel[],
    p_recipient_types  recipient_type[],
    p_kinds            movement_kind[],
    p_statuses         consent_status[],
    p_sources          consent_source[],
    p_consent_dates    timestamptz[],
    p_retailer_codes   integer[],
    p_retailer_access  text[],
    p_sealed           bytea[],
    p_expected_extents bigint[],
    p_expected_offsets integer[],
    OUT extent_id      bigint,
    OUT base_position  bigint,
    OUT created_at     timestamptz,
    OUT left_out       integer[]
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_done   bigint;
    v_extent bigint;
    v_size   integer := cardinality(p_digests);
BEGIN
    -- Not the row's full lock: nobody else changes it but who claims the lane, and that one shall wait.
    SELECT l.step INTO v_done FROM ingest_lane AS l
     WHERE l.job_id = p_job_id AND l.lane = p_lane AND l.fence = p_fence AND l.step < p_step
       AND NOT l.done
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'step % of this lane is somebody else''s', p_step USING ERRCODE = 'IZ004';
    END IF;
    IF v_done <> p_after THEN
        RAISE EXCEPTION 'step % comes after %, and % was the last', p_step, p_after, v_done
              USING ERRCODE = 'IZ001';
    END IF;

    IF v_size > 0 THEN
        SELECT a.extent_id, a.base_position, a.created_at, a.left_out
          INTO v_extent, base_position, created_at, left_out
          FROM append_movements_v2(
               p_brand_code, p_digest_key_id, p_sealing_key_id, p_nonce, true, p_approvals, p_rejections,
               p_digests, for_every_row(p_channels, v_size), for_every_row(p_recipient_types, v_size),
               for_every_row(p_kinds, v_size), for_every_row(p_statuses, v_size),
               for_every_row(p_sources, v_size), for_every_row(p_consent_dates, v_size),
               for_every_row(p_retailer_codes, v_size), for_every_row(p_retailer_access, v_size),
               p_sealed, for_every_row(p_expected_extents, v_size),
               for_every_row(p_expected_offsets, v_size)) AS a;
        IF left_out IS NOT NULL THEN
            RETURN;
        END IF;
        extent_id := v_extent;
    END IF;

    -- An offset without an extent is of the movements of this step.
    INSERT INTO ingest_item (job_id, item_index, code, facts, extent_id, extent_offset, replayed)
    SELECT p_job_id, i.item_index, i.code, i.facts,
           CASE WHEN i.code IS NULL THEN COALESCE(i.extent, v_extent) END,
           CASE WHEN i.code IS NULL THEN i.place END, i.extent IS NOT NULL
      FROM unnest(p_item_indexes, p_item_codes, p_item_facts, p_item_extents, p_item_offsets)
           AS i (item_index, code, facts, extent, place);

    INSERT INTO ingest_count AS c (job_id, brand_code, code, rows)
    SELECT p_job_id, n.brand_code, n.code, n.rows
      FROM unnest(p_count_brands, p_count_codes, p_count_rows) AS n (brand_code, code, rows)
     ORDER BY n.brand_code, n.code
        ON CONFLICT ON CONSTRAINT ingest_count_pkey DO UPDATE SET rows = c.rows + EXCLUDED.rows;

    UPDATE ingest_lane AS l
       SET step = p_step, done = p_is_last, attempts = 0, rows_done = l.rows_done + p_rows,
           accepted = l.accepted + p_accepted, unchanged = l.unchanged + p_unchanged,
           refused = l.refused + p_refused
     WHERE l.job_id = p_job_id AND l.lane = p_lane;
END $$;
