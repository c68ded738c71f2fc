-- Retailers as the wire knows them (iys-api 5), and a kind of movement for the access that they get.

-- Used from the next migration on: a new value cannot be used in the transaction that adds it.
ALTER TYPE movement_kind ADD VALUE 'ACCESS';

-- A change of access repeats the record, so it may say ONAY. What is there has passed the narrower rule.
ALTER TABLE movement DROP CONSTRAINT movement_block_is_a_refusal;
ALTER TABLE movement ADD CONSTRAINT movement_block_is_a_refusal
    CHECK (kind <> 'BLOCK' OR status = 'RET') NOT VALID;

-- Everything new may be absent: a retailer of the accounts' surface has a title and nothing else.
--
-- `state` says whether it may be used, as before, so that whoever reads rights needs to know no more; of those
-- that may not, `passive` tells two words of the wire apart. `sealed` holds what is personal (name, tckn, tin,
-- mersis, mobile); the digests find a number again without opening it. A deleted one keeps its row without
-- anything personal: history names it, and its code is never given to another.
ALTER TABLE retailer
    ADD COLUMN passive        boolean NOT NULL DEFAULT false,
    ADD COLUMN deleted_at     timestamptz,
    ADD COLUMN iys_code       integer CONSTRAINT retailer_provider_exists REFERENCES provider,
    ADD COLUMN alias          text,
    ADD COLUMN city_code      text,
    ADD COLUMN city_name      text,
    ADD COLUMN town_code      text,
    ADD COLUMN town_name      text,
    ADD COLUMN sealing_key_id smallint,
    ADD COLUMN sealed         bytea,
    ADD COLUMN tckn_digest    bytea,
    ADD COLUMN mersis_digest  bytea,
    ADD CONSTRAINT retailer_passive_is_not_active CHECK (NOT passive OR state = 'SUSPENDED'),
    ADD CONSTRAINT retailer_deleted_keeps_nothing CHECK (
        deleted_at IS NULL
        OR (state = 'SUSPENDED' AND COALESCE(sealed, tckn_digest, mersis_digest) IS NULL)),
    ADD CONSTRAINT retailer_sealed_names_its_key CHECK ((sealed IS NULL) = (sealing_key_id IS NULL)),
    ADD CONSTRAINT retailer_tckn_is_unique UNIQUE (iys_code, tckn_digest),
    ADD CONSTRAINT retailer_mersis_is_unique UNIQUE (iys_code, mersis_digest);
