-- Reconciliation (mutabakat): for each brand and day the hash of the file of its movements, its counts, a time
-- stamp, and whether the provider agreed.
--
-- The files themselves are not kept: the movements are, and a file is written from them again, the same to the
-- byte, whenever somebody fetches it. So no address lies anywhere a second time.
--
-- Days are found by the index extent_by_time (0008).

CREATE TYPE report_state AS ENUM ('queued', 'inprogress', 'completed', 'error');

-- One row for each day that is over. Brands up to `next_brand` were looked at for movements of the day.
CREATE TABLE reconciliation_day (
    report_date date    NOT NULL CONSTRAINT reconciliation_day_pkey PRIMARY KEY,
    next_brand  integer NOT NULL DEFAULT 0,
    is_queued   boolean NOT NULL DEFAULT false
);

-- One row for each brand that moved on a day. The file holds the movements after `after_position` up to
-- `until_position`, which no later movement changes. `due_at` is when somebody may work on it: at once, when
-- the lease of whoever works on it ends, when it is tried again; null when nothing is left to do. A report
-- is of use before its time stamp is there. `counts` has the order of shared/domain/day_counts.py.
CREATE TABLE reconciliation_report (
    brand_code     integer      NOT NULL CONSTRAINT reconciliation_report_brand_exists REFERENCES brand,
    report_date    date         NOT NULL,
    after_position bigint       NOT NULL,
    until_position bigint       NOT NULL,
    state          report_state NOT NULL DEFAULT 'queued',
    due_at         timestamptz,
    attempts       integer      NOT NULL DEFAULT 0,
    movements      bigint,
    bytes          bigint,
    file_hash      bytea,
    counts         bigint[],
    made_at        timestamptz,
    stamp          bytea,
    stamped_at     timestamptz,
    agreed_at      timestamptz,
    agreed_by      integer,
    CONSTRAINT reconciliation_report_pkey PRIMARY KEY (brand_code, report_date),
    CONSTRAINT reconciliation_report_holds_something CHECK (until_position > after_position),
    CONSTRAINT reconciliation_report_is_made_whole CHECK (
        (state = 'completed') = (file_hash IS NOT NULL)
        AND (file_hash IS NULL) = (num_nulls(movements, bytes, counts, made_at) = 4)
        AND num_nulls(movements, bytes, counts, made_at) IN (0, 4)),
    CONSTRAINT reconciliation_report_hash_is_sha384 CHECK (octet_length(file_hash) = 48),
    CONSTRAINT reconciliation_report_has_its_counters CHECK (cardinality(counts) = 36),
    CONSTRAINT reconciliation_report_stamps_what_is_made CHECK (
        (stamp IS NULL) = (stamped_at IS NULL) AND (stamp IS NULL OR file_hash IS NOT NULL)),
    CONSTRAINT reconciliation_report_agrees_to_what_is_made CHECK (
        (agreed_at IS NULL) = (agreed_by IS NULL) AND (agreed_at IS NULL OR movements > 0))
);
CREATE INDEX reconciliation_report_to_do ON reconciliation_report (due_at) WHERE due_at IS NOT NULL;
