-- The registry's own movements (IYS_*): who had them written, and what came of it. Lines that operators report
-- as closed. The codes under which operators send.

-- One person across all brands. A btree, because one address stands at many brands: equal digests share one
-- entry, 7 to 12 bytes a consent, where a hash index takes 33 to 40. On a ledger of many millions make it
-- beforehand, by hand and CONCURRENTLY, under this name.
CREATE INDEX IF NOT EXISTS consent_by_digest ON consent (digest);

-- Written before the movement, so that no movement of the registry lacks it. Nobody signed in where `user_id`
-- is null: then `process` acted by itself. A line closure names no brand and no channel: it is about all brands,
-- ARAMA and MESAJ. `digest_key_id` names the key of the digest, which a re-key leaves as it is.
CREATE TABLE system_action (
    action_id      bigint         GENERATED ALWAYS AS IDENTITY CONSTRAINT system_action_pkey PRIMARY KEY,
    acted_at       timestamptz    NOT NULL,
    user_id        integer,
    process        text           NOT NULL,
    reference      text,
    brand_code     integer,
    channel        channel,
    recipient_type recipient_type,
    status         consent_status NOT NULL,
    source         consent_source NOT NULL,
    digest_key_id  smallint       NOT NULL,
    digest         bytea          NOT NULL,
    CONSTRAINT system_action_is_the_registrys CHECK (source >= 'IYS_WEB'),
    CONSTRAINT system_action_digest_is_a_block CHECK (octet_length(digest) = 16),
    CONSTRAINT system_action_names_a_key_or_none CHECK (
        (brand_code IS NULL) = (channel IS NULL) AND (channel IS NULL) = (recipient_type IS NULL)),
    -- No room for an address: words without a long run of digits.
    CONSTRAINT system_action_reference_is_short CHECK (
        length(reference) <= 64 AND reference !~ '[0-9]{7}|@')
);
CREATE INDEX system_action_by_brand ON system_action (brand_code, acted_at);

-- What came of an action, one row a consent, written before anybody is told of it. An action without one was not
-- acknowledged: whether its movement is there, the key's history says.
CREATE TABLE system_outcome (
    action_id      bigint         NOT NULL
        CONSTRAINT system_outcome_has_its_action REFERENCES system_action,
    brand_code     integer        NOT NULL,
    channel        channel        NOT NULL,
    recipient_type recipient_type NOT NULL,
    outcome        text           NOT NULL,
    transaction_id bytea,
    CONSTRAINT system_outcome_pkey PRIMARY KEY (action_id, brand_code, channel, recipient_type),
    CONSTRAINT system_outcome_is_known CHECK (outcome IN ('RECORDED', 'KEPT', 'UNCHANGED')),
    CONSTRAINT system_outcome_names_its_movement CHECK (
        (outcome = 'UNCHANGED') = (transaction_id IS NULL) AND octet_length(transaction_id) = 32)
);

CREATE TRIGGER system_action_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON system_action
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER system_outcome_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON system_outcome
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- One call of an operator: so many numbers, and since when their lines are closed.
CREATE TABLE line_closure_report (
    report_id     uuid        NOT NULL CONSTRAINT line_closure_report_pkey PRIMARY KEY,
    operator_code integer     NOT NULL
        CONSTRAINT line_closure_report_operator_exists REFERENCES operator,
    user_id       integer     NOT NULL,
    received_at   timestamptz NOT NULL,
    closed_at     timestamptz NOT NULL,
    size          integer     NOT NULL,
    CONSTRAINT line_closure_report_looks_back CHECK (closed_at <= received_at),
    CONSTRAINT line_closure_report_holds_something CHECK (size > 0)
);

-- A number of a report, by its place in the list. The sealed address is there as long as there is work to do;
-- it is bound to no brand. `due_at` is when a worker may take it (again).
CREATE TABLE line_closure (
    report_id       uuid        NOT NULL
        CONSTRAINT line_closure_has_its_report REFERENCES line_closure_report,
    number_index    integer     NOT NULL,
    problem         text,
    action_id       bigint      CONSTRAINT line_closure_has_its_action REFERENCES system_action,
    sealing_key_id  smallint,
    sealed          bytea,
    due_at          timestamptz NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    done_at         timestamptz,
    consents_closed integer,
    brands          integer,
    CONSTRAINT line_closure_pkey PRIMARY KEY (report_id, number_index),
    CONSTRAINT line_closure_problem_is_known CHECK (problem IN ('INVALID_RECIPIENT', 'DUPLICATE')),
    CONSTRAINT line_closure_is_audited CHECK ((problem IS NULL) = (action_id IS NOT NULL)),
    CONSTRAINT line_closure_keeps_no_address CHECK (
        (sealed IS NULL) = (sealing_key_id IS NULL)
        AND (sealed IS NOT NULL) = (problem IS NULL AND done_at IS NULL)),
    CONSTRAINT line_closure_is_counted CHECK (
        (done_at IS NULL) = (consents_closed IS NULL) AND (done_at IS NULL) = (brands IS NULL))
);
CREATE INDEX line_closure_due ON line_closure (due_at) WHERE sealed IS NOT NULL;

-- Appended to every bulk SMS that the operator sends (regulation E10); staff assigns it.
ALTER TABLE operator
    ADD COLUMN sender_code text CONSTRAINT operator_sender_code_is_unique UNIQUE,
    ADD CONSTRAINT operator_sender_code_has_its_shape CHECK (sender_code ~ '^B[0-9]{3}$');

DROP TRIGGER operator_leaves_a_trail ON operator;
CREATE TRIGGER operator_leaves_a_trail AFTER INSERT OR UPDATE ON operator FOR EACH ROW EXECUTE FUNCTION
    record_account_event('operator', 'operator_code', 'title every_brand state sender_code');
