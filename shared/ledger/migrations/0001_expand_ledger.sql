-- The ledger: who may send, what was decided, and the order of it.
--
-- `movement` is the truth and only ever grows. `consent` and the counters of `brand_head` are derived
-- from it and can be rebuilt (`izin ledger verify` does so and compares). Enum values are the words of
-- the wire. Times are UTC.

CREATE TYPE channel AS ENUM ('ARAMA', 'MESAJ', 'EPOSTA');
CREATE TYPE recipient_type AS ENUM ('BIREYSEL', 'TACIR');
CREATE TYPE consent_status AS ENUM ('ONAY', 'RET');
CREATE TYPE consent_source AS ENUM (
    'HS_2015', 'HS_KARAR', 'HS_FIZIKSEL_ORTAM', 'HS_ISLAK_IMZA', 'HS_ETKINLIK', 'HS_ATM', 'HS_EORTAM',
    'HS_WEB', 'HS_MOBIL', 'HS_MESAJ', 'HS_EPOSTA', 'HS_CAGRI_MERKEZI', 'HS_SOSYAL_MEDYA',
    'IYS_WEB', 'IYS_WEB_YENI', 'IYS_MOBIL', 'IYS_CM', 'IYS_KISAMESAJ', 'IYS_EPOSTA',
    'IYS_AHS_HAT_KAPATMA', 'IYS_FRAME_EPOSTA', 'IYS_FRAME_SMS');
CREATE TYPE movement_kind AS ENUM ('CONSENT', 'BLOCK');
CREATE TYPE account_state AS ENUM ('ACTIVE', 'SUSPENDED');
CREATE TYPE user_role AS ENUM ('provider', 'partner', 'operator', 'ministry', 'admin');
CREATE TYPE access_right AS ENUM ('none', 'read', 'write');

-- ------------------------------------------------------------------------------------------ accounts

-- One row. `directory_version` grows with every change of a user, operator, partner or header, so that
-- a process notices within the round trip that it makes anyway. `digest_key_id` names the key that all
-- digests below were made with: a process that holds another must not answer (design 4, re-key). The
-- first registry leaves `digest_key_proof`, by which a key of the same number from another installation
-- is recognised.
CREATE TABLE ledger_state (
    only_row          boolean  PRIMARY KEY DEFAULT true,
    directory_version bigint   NOT NULL DEFAULT 0,
    digest_key_id     smallint NOT NULL DEFAULT 1,
    digest_key_proof  bytea,
    CONSTRAINT ledger_state_has_one_row CHECK (only_row)
);
INSERT INTO ledger_state DEFAULT VALUES;

-- What changed at which directory version: 'user:17', 'header:KUZEY'. A process forgets just that.
CREATE TABLE directory_change (
    version bigint NOT NULL,
    subject text   NOT NULL,
    CONSTRAINT directory_change_pkey PRIMARY KEY (version, subject)
);

CREATE TABLE provider (
    iys_code        integer       NOT NULL CONSTRAINT provider_pkey PRIMARY KEY,
    title           text          NOT NULL,
    tax_number      text          NOT NULL,
    exemption_basis text,
    state           account_state NOT NULL DEFAULT 'ACTIVE',
    created_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT provider_code_is_positive CHECK (iys_code > 0),
    CONSTRAINT provider_tax_number_is_digits CHECK (tax_number ~ '^[0-9]{10,11}$'),
    CONSTRAINT provider_exemption_is_known CHECK (exemption_basis ~ '^[A-Z_]{1,40}$')
);
CREATE INDEX provider_by_tax_number ON provider (tax_number);

-- The master brand carries the provider's own number (iys-api 1).
CREATE TABLE brand (
    brand_code integer       NOT NULL CONSTRAINT brand_pkey PRIMARY KEY,
    iys_code   integer       NOT NULL CONSTRAINT brand_provider_exists REFERENCES provider,
    name       text          NOT NULL,
    state      account_state NOT NULL DEFAULT 'ACTIVE',
    created_at timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT brand_code_is_positive CHECK (brand_code > 0)
);
CREATE INDEX brand_by_provider ON brand (iys_code);

CREATE SEQUENCE account_code_seq AS integer START 600001;

CREATE TABLE operator (
    operator_code integer       NOT NULL CONSTRAINT operator_pkey PRIMARY KEY,
    title         text          NOT NULL,
    -- Asks for every active brand, or only for those in operator_brand (design 9).
    every_brand   boolean       NOT NULL DEFAULT true,
    state         account_state NOT NULL DEFAULT 'ACTIVE',
    created_at    timestamptz   NOT NULL DEFAULT now()
);

CREATE TABLE operator_brand (
    operator_code integer NOT NULL REFERENCES operator,
    brand_code    integer NOT NULL REFERENCES brand,
    CONSTRAINT operator_brand_pkey PRIMARY KEY (operator_code, brand_code)
);

-- One firm per header (regulation E9). No row in header_operator means: at every operator.
CREATE TABLE header (
    header     text        NOT NULL COLLATE "C" CONSTRAINT header_pkey PRIMARY KEY,
    brand_code integer     NOT NULL CONSTRAINT header_brand_exists REFERENCES brand,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT header_has_its_shape CHECK (
        header ~ '^[A-Za-z0-9 ._&-]{3,11}$' AND header !~ '^ | $|  ')
);
-- A header that differs in its case alone would speak under another firm's name.
CREATE UNIQUE INDEX header_is_unique_in_any_case ON header (upper(header));
CREATE INDEX header_by_brand ON header (brand_code);

CREATE TABLE header_operator (
    header        text    NOT NULL COLLATE "C" REFERENCES header ON DELETE CASCADE,
    operator_code integer NOT NULL CONSTRAINT header_operator_exists REFERENCES operator,
    CONSTRAINT header_operator_pkey PRIMARY KEY (header, operator_code)
);

-- A partner's licence ends all its access on the day after `licence_valid_until` (regulation J6).
CREATE TABLE partner (
    integrator_code     integer       NOT NULL CONSTRAINT partner_pkey PRIMARY KEY,
    title               text          NOT NULL,
    licence_valid_until date,
    state               account_state NOT NULL DEFAULT 'ACTIVE',
    created_at          timestamptz   NOT NULL DEFAULT now()
);

CREATE TABLE brand_grant (
    brand_code      integer      NOT NULL CONSTRAINT brand_grant_brand_exists REFERENCES brand,
    integrator_code integer      NOT NULL CONSTRAINT brand_grant_partner_exists REFERENCES partner,
    call_right      access_right NOT NULL DEFAULT 'none',
    sms_right       access_right NOT NULL DEFAULT 'none',
    email_right     access_right NOT NULL DEFAULT 'none',
    reconciliation  boolean      NOT NULL DEFAULT false,
    via             boolean      NOT NULL DEFAULT false,
    CONSTRAINT brand_grant_pkey PRIMARY KEY (brand_code, integrator_code)
);
CREATE INDEX brand_grant_by_partner ON brand_grant (integrator_code);

CREATE TABLE retailer (
    retailer_code integer       NOT NULL CONSTRAINT retailer_pkey PRIMARY KEY,
    brand_code    integer       NOT NULL CONSTRAINT retailer_brand_exists REFERENCES brand,
    title         text          NOT NULL,
    state         account_state NOT NULL DEFAULT 'ACTIVE',
    created_at    timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT retailer_code_has_eight_digits CHECK (retailer_code BETWEEN 10000000 AND 99999999)
);
CREATE INDEX retailer_by_brand ON retailer (brand_code);

-- `epoch` grows with every change of secret or state: an older token is worth nothing.
CREATE TABLE api_user (
    user_id         integer       GENERATED ALWAYS AS IDENTITY CONSTRAINT api_user_pkey PRIMARY KEY,
    username        text          NOT NULL CONSTRAINT api_user_name_is_unique UNIQUE,
    secret_hash     text          NOT NULL,
    api_key_digest  bytea         CONSTRAINT api_user_key_is_unique UNIQUE,
    role            user_role     NOT NULL,
    iys_code        integer       REFERENCES provider,
    integrator_code integer       REFERENCES partner,
    operator_code   integer       REFERENCES operator,
    state           account_state NOT NULL DEFAULT 'ACTIVE',
    epoch           integer       NOT NULL DEFAULT 0,
    created_at      timestamptz   NOT NULL DEFAULT now(),
    CONSTRAINT api_user_belongs_to_its_kind CHECK (
        (role = 'provider') = (iys_code IS NOT NULL)
        AND (role = 'partner') = (integrator_code IS NOT NULL)
        AND (role = 'operator') = (operator_code IS NOT NULL))
);

-- A refresh token is spent by deleting its row: it works once (iys-api 2.1).
CREATE TABLE refresh_token (
    token_id   uuid        NOT NULL CONSTRAINT refresh_token_pkey PRIMARY KEY,
    user_id    integer     NOT NULL REFERENCES api_user,
    expires_at timestamptz NOT NULL
);
CREATE INDEX refresh_token_by_expiry ON refresh_token (expires_at);

-- -------------------------------------------------------------------------------------------- ledger

-- The head of a brand: how far its movements go, which movement stands there, and which version its
-- authority has (brand state, headers, grants, retailers). `extent_nonce` makes the movement's identity
-- survive a restore that hands out the same extent number again. Approvals and rejections count keys in
-- that state now.
CREATE TABLE brand_head (
    brand_code        integer NOT NULL CONSTRAINT brand_head_pkey PRIMARY KEY REFERENCES brand,
    position          bigint  NOT NULL DEFAULT 0,
    extent_id         bigint,
    extent_nonce      bigint,
    extent_offset     integer,
    authority_version bigint  NOT NULL DEFAULT 0,
    approvals         bigint  NOT NULL DEFAULT 0,
    rejections        bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE SEQUENCE extent_id_seq AS bigint CACHE 1;

-- An extent is the movements of one transaction. They are numbered within it from 1, and the extent gets
-- its place in the brand's order in the transaction's last step, under the head's lock: so the lock is
-- short however many movements there are. position = base_position + extent_offset.
CREATE TABLE extent (
    brand_code    integer     NOT NULL,
    extent_id     bigint      NOT NULL,
    nonce         bigint      NOT NULL,
    base_position bigint      NOT NULL,
    size          integer     NOT NULL,
    created_at    timestamptz NOT NULL,
    CONSTRAINT extent_pkey PRIMARY KEY (brand_code, extent_id),
    CONSTRAINT extent_positions_do_not_overlap UNIQUE (brand_code, base_position),
    CONSTRAINT extent_holds_something CHECK (size > 0 AND base_position >= 0)
);

-- One row per accepted change (izin hareketi), or per refusal that the wire rules turned away (BLOCK,
-- regulation C13). `previous_*` points to the key's movement before, so a key's history is a walk and
-- needs no second index. The address is sealed; `digest` identifies it.
CREATE TABLE movement (
    brand_code      integer        NOT NULL,
    extent_id       bigint         NOT NULL,
    previous_extent bigint,
    consent_date    timestamptz,
    extent_offset   integer        NOT NULL,
    previous_offset integer,
    channel         channel        NOT NULL,
    recipient_type  recipient_type NOT NULL,
    status          consent_status NOT NULL,
    source          consent_source,
    retailer_code   integer,
    kind            movement_kind  NOT NULL,
    sealing_key_id  smallint       NOT NULL,
    digest          bytea          NOT NULL,
    sealed          bytea          NOT NULL,
    retailer_access integer[],
    CONSTRAINT movement_pkey PRIMARY KEY (brand_code, extent_id, extent_offset),
    CONSTRAINT movement_digest_is_a_block CHECK (octet_length(digest) = 16),
    CONSTRAINT movement_block_is_a_refusal CHECK (kind = 'CONSENT' OR status = 'RET'),
    CONSTRAINT movement_of_a_person_is_complete CHECK (
        kind = 'BLOCK' OR recipient_type = 'TACIR' OR (consent_date IS NOT NULL AND source IS NOT NULL))
);

-- The current state of one key. `status` is null where there is a block and no record. `recorded_*` is
-- the movement that the record stands on, `latest_*` the newest movement of the key, block or not.
CREATE TABLE consent (
    brand_code      integer        NOT NULL,
    channel         channel        NOT NULL,
    recipient_type  recipient_type NOT NULL,
    status          consent_status,
    consent_date    timestamptz,
    blocked_at      timestamptz,
    recorded_extent bigint,
    latest_extent   bigint         NOT NULL,
    recorded_offset integer,
    latest_offset   integer        NOT NULL,
    retailer_code   integer,
    digest          bytea          NOT NULL,
    retailer_access integer[],
    CONSTRAINT consent_pkey PRIMARY KEY (brand_code, digest, channel, recipient_type),
    CONSTRAINT consent_is_recorded_or_blocked CHECK (
        (status IS NULL) = (recorded_extent IS NULL) AND (status IS NOT NULL OR blocked_at IS NOT NULL))
) WITH (fillfactor = 90);

-- Declared exemptions, appended by the check and by nobody else (regulation A11).
CREATE TABLE check_evidence (
    asked_at       timestamptz    NOT NULL,
    user_id        integer        NOT NULL,
    brand_code     integer,       -- null: a header was given and the ledger was silent about it
    channel        channel        NOT NULL,
    message_class  text           NOT NULL,
    digest_key_id  smallint       NOT NULL,
    digest         bytea          NOT NULL,
    reason         text           NOT NULL
);
CREATE INDEX check_evidence_by_brand ON check_evidence (brand_code, asked_at);

-- ------------------------------------------------------------------------------ append-only, enforced

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'IZ003';
END $$;

CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER extent_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON extent
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER check_evidence_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON check_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- ------------------------------------------------------------------------------- authority, enforced
-- No writer can forget to bump a version: the triggers do it, with the owner's power.

CREATE FUNCTION bump_brands(p_brands integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH held AS (
        SELECT brand_code FROM brand_head WHERE brand_code = ANY (p_brands) ORDER BY brand_code FOR UPDATE)
    UPDATE brand_head SET authority_version = authority_version + 1
      FROM held WHERE brand_head.brand_code = held.brand_code
$$;

CREATE FUNCTION record_directory_change(p_subject text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH bumped AS (
        UPDATE ledger_state SET directory_version = directory_version + 1 RETURNING directory_version)
    INSERT INTO directory_change (version, subject) SELECT directory_version, p_subject FROM bumped
$$;

CREATE FUNCTION brand_was_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO brand_head (brand_code, authority_version) VALUES (NEW.brand_code, 1);
    RETURN NULL;
END $$;

CREATE FUNCTION brand_authority_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM bump_brands(ARRAY[OLD.brand_code]);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM bump_brands(ARRAY[NEW.brand_code]);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION provider_authority_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM bump_brands(ARRAY(SELECT brand_code FROM brand WHERE iys_code = NEW.iys_code));
    RETURN NULL;
END $$;

CREATE FUNCTION header_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM record_directory_change('header:' || COALESCE(NEW.header, OLD.header));
    IF TG_OP = 'UPDATE' AND NEW.header <> OLD.header THEN
        PERFORM record_directory_change('header:' || OLD.header);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION header_operator_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM bump_brands(ARRAY(
        SELECT brand_code FROM header WHERE header = COALESCE(NEW.header, OLD.header)));
    RETURN NULL;
END $$;

-- A suspension or a new secret ends every token of the users concerned.
CREATE FUNCTION user_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM record_directory_change('user:' || COALESCE(NEW.user_id, OLD.user_id));
    RETURN NULL;
END $$;

CREATE FUNCTION user_epoch_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.secret_hash, NEW.api_key_digest, NEW.state, NEW.role)
       IS DISTINCT FROM (OLD.secret_hash, OLD.api_key_digest, OLD.state, OLD.role) THEN
        NEW.epoch := OLD.epoch + 1;
    END IF;
    RETURN NEW;
END $$;

-- What a user of an operator, a partner or a provider may do hangs on that row too.
CREATE FUNCTION organisation_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed jsonb := to_jsonb(COALESCE(NEW, OLD));
    one integer;
BEGIN
    FOR one IN
        SELECT user_id FROM api_user
         WHERE (changed ? 'operator_code' AND operator_code = (changed ->> 'operator_code')::integer)
            OR (changed ? 'integrator_code' AND integrator_code = (changed ->> 'integrator_code')::integer)
         ORDER BY user_id
    LOOP
        PERFORM record_directory_change('user:' || one);
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER brand_gets_its_head AFTER INSERT ON brand
    FOR EACH ROW EXECUTE FUNCTION brand_was_added();
CREATE TRIGGER brand_bumps_authority AFTER UPDATE ON brand
    FOR EACH ROW EXECUTE FUNCTION brand_authority_changed();
CREATE TRIGGER provider_bumps_authority AFTER UPDATE ON provider
    FOR EACH ROW EXECUTE FUNCTION provider_authority_changed();
CREATE TRIGGER header_bumps_authority AFTER INSERT OR UPDATE OR DELETE ON header
    FOR EACH ROW EXECUTE FUNCTION brand_authority_changed();
CREATE TRIGGER header_changes_directory AFTER INSERT OR UPDATE OR DELETE ON header
    FOR EACH ROW EXECUTE FUNCTION header_changed();
CREATE TRIGGER header_operator_bumps_authority AFTER INSERT OR UPDATE OR DELETE ON header_operator
    FOR EACH ROW EXECUTE FUNCTION header_operator_changed();
CREATE TRIGGER grant_bumps_authority AFTER INSERT OR UPDATE OR DELETE ON brand_grant
    FOR EACH ROW EXECUTE FUNCTION brand_authority_changed();
CREATE TRIGGER retailer_bumps_authority AFTER INSERT OR UPDATE OR DELETE ON retailer
    FOR EACH ROW EXECUTE FUNCTION brand_authority_changed();
CREATE TRIGGER user_changes_directory AFTER INSERT OR UPDATE OR DELETE ON api_user
    FOR EACH ROW EXECUTE FUNCTION user_changed();
CREATE TRIGGER user_epoch_grows BEFORE UPDATE ON api_user
    FOR EACH ROW EXECUTE FUNCTION user_epoch_grows();
CREATE TRIGGER operator_changes_directory AFTER UPDATE ON operator
    FOR EACH ROW EXECUTE FUNCTION organisation_changed();
CREATE TRIGGER operator_brand_changes_directory AFTER INSERT OR DELETE ON operator_brand
    FOR EACH ROW EXECUTE FUNCTION organisation_changed();
CREATE TRIGGER partner_changes_directory AFTER UPDATE ON partner
    FOR EACH ROW EXECUTE FUNCTION organisation_changed();
