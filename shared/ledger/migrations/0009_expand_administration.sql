-- Administration: applications with their documents, proofs of headers, long-lived keys, and who changed
-- which account when.

-- ------------------------------------------------------------------------------------- applications

CREATE TYPE application_kind AS ENUM ('PROVIDER', 'BRAND', 'HEADER');
CREATE TYPE application_state AS ENUM ('OPEN', 'APPROVED', 'REJECTED', 'WITHDRAWN');

-- What somebody asks staff for. `asked` is a document that the service reads and writes; nothing of it counts
-- until staff approves, and then it becomes rows of the account tables. A PROVIDER application comes from
-- nobody whom we know: its secret (a digest here) looks after it, its contact is sealed, and `source_digest`
-- says only that two came from one network. `iys_code` is who asks, or who an applicant has become.
CREATE TABLE application (
    application_id integer           GENERATED ALWAYS AS IDENTITY CONSTRAINT application_pkey PRIMARY KEY,
    reference      text              NOT NULL CONSTRAINT application_reference_is_unique UNIQUE,
    kind           application_kind  NOT NULL,
    state          application_state NOT NULL DEFAULT 'OPEN',
    iys_code       integer           CONSTRAINT application_provider_exists REFERENCES provider,
    title          text              NOT NULL,
    asked          jsonb             NOT NULL,
    sealing_key_id smallint,
    contact        bytea,
    secret_digest  bytea,
    source_digest  bytea,
    uploads        smallint          NOT NULL DEFAULT 0,
    created_at     timestamptz       NOT NULL DEFAULT now(),
    decided_at     timestamptz,
    decided_by     integer           REFERENCES api_user,
    reason         text,
    user_id        integer           REFERENCES api_user,
    handed_out_at  timestamptz,
    CONSTRAINT application_reference_has_its_shape CHECK (reference ~ '^B[0-9A-Z]{9}$'),
    CONSTRAINT application_is_looked_after CHECK (
        (kind = 'PROVIDER') = (secret_digest IS NOT NULL)
        AND (kind = 'PROVIDER') = (contact IS NOT NULL)
        AND (kind = 'PROVIDER' OR iys_code IS NOT NULL)),
    CONSTRAINT application_rejection_has_a_reason CHECK (state <> 'REJECTED' OR reason IS NOT NULL)
);
CREATE INDEX application_by_state ON application (state, application_id);
CREATE INDEX application_by_provider ON application (iys_code, application_id);
CREATE INDEX application_by_source ON application (source_digest, created_at);

-- Certificates and other papers, sealed. `number` is the brand's place in the application, from 1.
CREATE TABLE application_document (
    application_id integer     NOT NULL CONSTRAINT document_application_exists REFERENCES application,
    number         smallint    NOT NULL,
    media_type     text        NOT NULL,
    byte_count     integer     NOT NULL,
    sealing_key_id smallint    NOT NULL,
    sealed         bytea       NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT application_document_pkey PRIMARY KEY (application_id, number),
    CONSTRAINT document_number_is_a_place CHECK (number BETWEEN 1 AND 10),
    CONSTRAINT document_type_is_known CHECK (
        media_type IN ('application/pdf', 'image/png', 'image/jpeg'))
);

ALTER TABLE provider
    ADD COLUMN mersis text CONSTRAINT provider_mersis_has_its_shape CHECK (mersis ~ '^[0-9]{16}$');

-- How a firm shows that a header is its own (regulation E9). Null: bound before proofs were kept, or without
-- an application.
ALTER TABLE header
    ADD COLUMN proof text CONSTRAINT header_proof_is_known CHECK (
        proof IN ('TRADE_NAME', 'TRADEMARK', 'DOMAIN')),
    ADD COLUMN proof_reference text,
    ADD COLUMN application_id integer CONSTRAINT header_application_exists REFERENCES application;
ALTER TABLE brand
    ADD COLUMN application_id integer CONSTRAINT brand_application_exists REFERENCES application;

-- -------------------------------------------------------------------------------------------- keys

-- Long-lived keys, several a user. What is stored is a digest; `prefix` is what a person knows a key by.
CREATE TABLE api_key (
    key_id     integer     GENERATED ALWAYS AS IDENTITY CONSTRAINT api_key_pkey PRIMARY KEY,
    user_id    integer     NOT NULL CONSTRAINT api_key_user_exists REFERENCES api_user,
    digest     bytea       NOT NULL CONSTRAINT api_key_is_unique UNIQUE,
    prefix     text        NOT NULL DEFAULT '',
    label      text        NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_key_by_user ON api_key (user_id);

-- The days on which a key was used, appended by whoever met it.
CREATE TABLE api_key_use (
    key_id  integer NOT NULL CONSTRAINT api_key_use_key_exists REFERENCES api_key,
    used_on date    NOT NULL,
    CONSTRAINT api_key_use_pkey PRIMARY KEY (key_id, used_on)
);

INSERT INTO api_key (user_id, digest, label)
SELECT user_id, api_key_digest, 'first key' FROM api_user WHERE api_key_digest IS NOT NULL;

-- The key that a user had in its own row is still honoured there by code of the last release: it goes when
-- the key here ends.
CREATE FUNCTION api_key_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.revoked_at IS NOT NULL OR NEW.expires_at IS NOT NULL THEN
        UPDATE api_user SET api_key_digest = NULL
         WHERE user_id = NEW.user_id AND api_key_digest = NEW.digest;
    END IF;
    PERFORM record_directory_change('user:' || NEW.user_id);
    RETURN NULL;
END $$;

CREATE TRIGGER api_key_changes_directory AFTER INSERT OR UPDATE ON api_key
    FOR EACH ROW EXECUTE FUNCTION api_key_changed();

-- And what that code does to the key in the user's row while both run, holds here: one that it takes away has
-- ended, one that it gives is there.
CREATE FUNCTION user_key_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        UPDATE api_key SET revoked_at = now()
         WHERE user_id = OLD.user_id AND digest = OLD.api_key_digest
           AND revoked_at IS NULL AND expires_at IS NULL;
    END IF;
    INSERT INTO api_key (user_id, digest, label)
    SELECT NEW.user_id, NEW.api_key_digest, 'first key' WHERE NEW.api_key_digest IS NOT NULL
        ON CONFLICT ON CONSTRAINT api_key_is_unique DO NOTHING;
    RETURN NULL;
END $$;

CREATE TRIGGER user_key_is_one_of_its_keys AFTER INSERT ON api_user
    FOR EACH ROW WHEN (NEW.api_key_digest IS NOT NULL) EXECUTE FUNCTION user_key_changed();
CREATE TRIGGER user_key_ends_with_it AFTER UPDATE ON api_user
    FOR EACH ROW WHEN (NEW.api_key_digest IS DISTINCT FROM OLD.api_key_digest)
    EXECUTE FUNCTION user_key_changed();

-- ------------------------------------------------------------------------------------------- trail

-- Who changed which account when. Written by triggers alone, so that no writer can forget it; the writer says
-- who acts by the transaction's `izin.actor`. Secrets never come here, only that there is a new one.
CREATE TABLE account_event (
    event_id    bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT account_event_pkey PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT now(),
    actor       integer,    -- null: an applicant, or somebody with the owner's tools
    kind        text        NOT NULL,
    name        text        NOT NULL,
    action      text        NOT NULL,
    iys_code    integer,    -- whose it is, where it is a provider's
    facts       jsonb       NOT NULL,
    CONSTRAINT account_event_action_is_known CHECK (action IN ('added', 'changed', 'removed'))
);
CREATE INDEX account_event_by_provider ON account_event (iys_code, event_id);
CREATE INDEX account_event_by_subject ON account_event (kind, name, event_id);

CREATE TRIGGER account_event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Whose a row is: its own iys_code, its brand's or its user's. An inner block's query cannot see a row that the
-- same statement deleted, so brand and user are looked up by what the row itself says.
CREATE FUNCTION provider_of_row(p_row jsonb) RETURNS integer
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT COALESCE(
        (p_row ->> 'iys_code')::integer,
        (SELECT b.iys_code FROM brand AS b WHERE b.brand_code = (p_row ->> 'brand_code')::integer),
        (SELECT u.iys_code FROM api_user AS u WHERE u.user_id = (p_row ->> 'user_id')::integer))
$$;

-- Arguments: kind of the subject; columns of its name; columns that are shown; a column that is a secret.
CREATE FUNCTION record_account_event() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    after  jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    whole  jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
    subject text;
    facts jsonb;
BEGIN
    SELECT COALESCE(jsonb_object_agg(shown, after -> shown), '{}') INTO facts
      FROM unnest(string_to_array(TG_ARGV[2], ' ')) AS shown
     WHERE TG_OP <> 'DELETE' AND after -> shown IS DISTINCT FROM before -> shown
       AND (TG_OP = 'UPDATE' OR after -> shown <> 'null');
    IF TG_OP = 'UPDATE' AND after -> TG_ARGV[3] IS DISTINCT FROM before -> TG_ARGV[3] THEN
        facts := facts || '{"secret": "renewed"}';
    END IF;
    IF TG_OP = 'UPDATE' AND facts = '{}' THEN
        RETURN NULL;
    END IF;
    SELECT string_agg(whole ->> part, '/' ORDER BY place) INTO subject
      FROM unnest(string_to_array(TG_ARGV[1], ' ')) WITH ORDINALITY AS parts (part, place);
    INSERT INTO account_event (actor, kind, name, action, iys_code, facts)
    VALUES (
        NULLIF(current_setting('izin.actor', true), '')::integer, TG_ARGV[0], subject,
        CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'DELETE' THEN 'removed' ELSE 'changed' END,
        provider_of_row(whole), facts);
    RETURN NULL;
END $$;

-- A hundred thousand brands may be put on an operator's list at once: one event says how many.
CREATE FUNCTION record_operator_brands() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO account_event (actor, kind, name, action, facts)
    SELECT NULLIF(current_setting('izin.actor', true), '')::integer, 'operator_brands', operator_code::text,
           CASE TG_OP WHEN 'INSERT' THEN 'added' ELSE 'removed' END,
           jsonb_build_object('brands', count(*), 'first', min(brand_code))
      FROM moved GROUP BY operator_code;
    RETURN NULL;
END $$;

CREATE FUNCTION record_header_operators() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO account_event (actor, kind, name, action, iys_code, facts)
    SELECT NULLIF(current_setting('izin.actor', true), '')::integer, 'header_operators', m.header,
           CASE TG_OP WHEN 'INSERT' THEN 'added' ELSE 'removed' END,
           (SELECT b.iys_code FROM header AS h JOIN brand AS b USING (brand_code) WHERE h.header = m.header),
           jsonb_build_object('operators', jsonb_agg(m.operator_code ORDER BY m.operator_code))
      FROM moved AS m GROUP BY m.header;
    RETURN NULL;
END $$;

CREATE TRIGGER provider_leaves_a_trail AFTER INSERT OR UPDATE ON provider FOR EACH ROW EXECUTE FUNCTION
    record_account_event('provider', 'iys_code', 'title tax_number mersis exemption_basis state');
CREATE TRIGGER brand_leaves_a_trail AFTER INSERT OR UPDATE ON brand FOR EACH ROW EXECUTE FUNCTION
    record_account_event('brand', 'brand_code', 'name state iys_code');
CREATE TRIGGER header_leaves_a_trail AFTER INSERT OR UPDATE OR DELETE ON header
    FOR EACH ROW EXECUTE FUNCTION
    record_account_event('header', 'header', 'brand_code proof proof_reference');
CREATE TRIGGER grant_leaves_a_trail AFTER INSERT OR UPDATE OR DELETE ON brand_grant
    FOR EACH ROW EXECUTE FUNCTION record_account_event(
        'grant', 'brand_code integrator_code', 'call_right sms_right email_right reconciliation via');
CREATE TRIGGER operator_leaves_a_trail AFTER INSERT OR UPDATE ON operator FOR EACH ROW EXECUTE FUNCTION
    record_account_event('operator', 'operator_code', 'title every_brand state');
CREATE TRIGGER partner_leaves_a_trail AFTER INSERT OR UPDATE ON partner FOR EACH ROW EXECUTE FUNCTION
    record_account_event('partner', 'integrator_code', 'title licence_valid_until state');
CREATE TRIGGER user_leaves_a_trail AFTER INSERT OR UPDATE ON api_user FOR EACH ROW EXECUTE FUNCTION
    record_account_event('user', 'username',
        'role state iys_code integrator_code operator_code allowed_networks', 'secret_hash');
CREATE TRIGGER subscription_leaves_a_trail AFTER INSERT OR UPDATE OR DELETE ON subscription
    FOR EACH ROW EXECUTE FUNCTION record_account_event('subscription', 'iys_code integrator_code',
        'package with_api state starts_at ends_at consent_limit may_exceed');
CREATE TRIGGER key_leaves_a_trail AFTER INSERT OR UPDATE ON api_key FOR EACH ROW EXECUTE FUNCTION
    record_account_event('key', 'prefix', 'label user_id expires_at revoked_at');
CREATE TRIGGER application_leaves_a_trail AFTER INSERT OR UPDATE ON application
    FOR EACH ROW EXECUTE FUNCTION
    record_account_event('application', 'reference', 'kind state title reason handed_out_at');
CREATE TRIGGER operator_brands_leave_a_trail AFTER INSERT ON operator_brand
    REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION record_operator_brands();
CREATE TRIGGER operator_brands_leave_a_trail_when_gone AFTER DELETE ON operator_brand
    REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION record_operator_brands();
CREATE TRIGGER header_operators_leave_a_trail AFTER INSERT ON header_operator
    REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION record_header_operators();
CREATE TRIGGER header_operators_leave_a_trail_when_gone AFTER DELETE ON header_operator
    REFERENCING OLD TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION record_header_operators();
