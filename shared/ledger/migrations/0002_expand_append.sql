-- Writing movements: one call, one statement, one commit.
--
-- The caller has read the state of every key and applied the rules to it (`expected_*` is the newest
-- movement that it saw; null: none). Called outside a transaction block, the last lock that this
-- function takes, the brand's head, and the COMMIT travel in the same message.
--
-- Returns no row in `left_out` when all is written. Otherwise nothing is written, and `left_out` holds
-- the ordinals (from 1) whose key is locked by somebody or has moved on: the caller writes the others
-- again without them, and them alone (`p_wait`), so that nobody waits behind a stranger's lock.
--
-- It runs with its owner's power, and is the only way by which a service can write a movement, a consent
-- or a head: no service role has the tables themselves.
--
-- SQLSTATE IZ001: a key appeared between the read and the write; read again.
-- SQLSTATE IZ002: the digests were made with a key that this ledger no longer uses.

CREATE FUNCTION append_movements_v1(
    p_brand_code       integer,
    p_digest_key_id    smallint,
    p_sealing_key_id   smallint,
    p_nonce            bigint,
    p_wait             boolean,
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
    v_size     integer := cardinality(p_digests);
    v_known    integer;
    v_held     integer[];
    v_inserted integer;
    v_extent   bigint;
    v_base     bigint;
    v_previous timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_state WHERE digest_key_id = p_digest_key_id) THEN
        RAISE EXCEPTION 'digest key % is not in use', p_digest_key_id USING ERRCODE = 'IZ002';
    END IF;

    -- Lock the keys that exist, in digest order. A key counts as held when its newest movement is
    -- still the one that the caller judged by.
    SELECT count(expected) INTO v_known FROM unnest(p_expected_extents) AS expected;
    IF v_known > 0 THEN
        IF p_wait THEN
            SELECT array_agg(n) INTO v_held FROM (
                SELECT k.n
                  FROM unnest(p_digests, p_channels, p_recipient_types, p_expected_extents,
                              p_expected_offsets)
                       WITH ORDINALITY AS k (digest, channel, recipient_type, extent, "offset", n)
                  JOIN consent AS c
                    ON c.brand_code = p_brand_code AND c.digest = k.digest AND c.channel = k.channel
                   AND c.recipient_type = k.recipient_type
                 WHERE c.latest_extent = k.extent AND c.latest_offset = k."offset"
                 ORDER BY k.digest, k.channel, k.recipient_type
                   FOR UPDATE OF c) AS held;
        ELSE
            SELECT array_agg(n) INTO v_held FROM (
                SELECT k.n
                  FROM unnest(p_digests, p_channels, p_recipient_types, p_expected_extents,
                              p_expected_offsets)
                       WITH ORDINALITY AS k (digest, channel, recipient_type, extent, "offset", n)
                  JOIN consent AS c
                    ON c.brand_code = p_brand_code AND c.digest = k.digest AND c.channel = k.channel
                   AND c.recipient_type = k.recipient_type
                 WHERE c.latest_extent = k.extent AND c.latest_offset = k."offset"
                 ORDER BY k.digest, k.channel, k.recipient_type
                   FOR UPDATE OF c SKIP LOCKED) AS held;
        END IF;
        IF cardinality(v_held) IS DISTINCT FROM v_known THEN
            SELECT array_agg(k.n) INTO left_out
              FROM unnest(p_expected_extents) WITH ORDINALITY AS k (extent, n)
             WHERE k.extent IS NOT NULL AND NOT (k.n = ANY (COALESCE(v_held, '{}')));
            RETURN;
        END IF;
    END IF;

    v_extent := nextval('extent_id_seq');

    -- Keys that were not there. Somebody may have added one since: then nothing of this is written.
    IF v_known < v_size THEN
        INSERT INTO consent (
            brand_code, digest, channel, recipient_type, status, consent_date, blocked_at,
            recorded_extent, recorded_offset, latest_extent, latest_offset, retailer_code,
            retailer_access)
        SELECT p_brand_code, k.digest, k.channel, k.recipient_type,
               CASE k.kind WHEN 'CONSENT' THEN k.status END,
               CASE k.kind WHEN 'CONSENT' THEN k.consent_date END,
               CASE k.kind WHEN 'BLOCK' THEN k.consent_date END,
               CASE k.kind WHEN 'CONSENT' THEN v_extent END,
               CASE k.kind WHEN 'CONSENT' THEN k.n::integer END,
               v_extent, k.n::integer,
               CASE k.kind WHEN 'CONSENT' THEN k.retailer_code END,
               CASE k.kind WHEN 'CONSENT' THEN k.retailer_access::integer[] END
          FROM unnest(p_digests, p_channels, p_recipient_types, p_kinds, p_statuses, p_consent_dates,
                      p_retailer_codes, p_retailer_access, p_expected_extents)
               WITH ORDINALITY AS k (digest, channel, recipient_type, kind, status, consent_date,
                                     retailer_code, retailer_access, expected, n)
         WHERE k.expected IS NULL
         ORDER BY k.digest, k.channel, k.recipient_type
            ON CONFLICT ON CONSTRAINT consent_pkey DO NOTHING;
        GET DIAGNOSTICS v_inserted = ROW_COUNT;
        IF v_inserted <> v_size - v_known THEN
            RAISE EXCEPTION 'a key appeared meanwhile' USING ERRCODE = 'IZ001';
        END IF;
    END IF;

    IF v_known > 0 THEN
        UPDATE consent AS c
           SET status          = CASE k.kind WHEN 'CONSENT' THEN k.status ELSE c.status END,
               consent_date    = CASE k.kind WHEN 'CONSENT' THEN k.consent_date ELSE c.consent_date END,
               blocked_at      = CASE k.kind WHEN 'BLOCK' THEN GREATEST(c.blocked_at, k.consent_date)
                                             ELSE c.blocked_at END,
               recorded_extent = CASE k.kind WHEN 'CONSENT' THEN v_extent ELSE c.recorded_extent END,
               recorded_offset = CASE k.kind WHEN 'CONSENT' THEN k.n::integer ELSE c.recorded_offset END,
               latest_extent   = v_extent,
               latest_offset   = k.n::integer,
               retailer_code   = CASE k.kind WHEN 'CONSENT' THEN k.retailer_code ELSE c.retailer_code END,
               -- An update that names no retailers leaves those that there are; a refusal leaves none.
               retailer_access = CASE WHEN k.kind = 'BLOCK' THEN c.retailer_access
                                      WHEN k.status = 'RET' THEN k.retailer_access::integer[]
                                      ELSE COALESCE(k.retailer_access::integer[], c.retailer_access)
                                 END
          FROM unnest(p_digests, p_channels, p_recipient_types, p_kinds, p_statuses, p_consent_dates,
                      p_retailer_codes, p_retailer_access, p_expected_extents)
               WITH ORDINALITY AS k (digest, channel, recipient_type, kind, status, consent_date,
                                     retailer_code, retailer_access, expected, n)
         WHERE k.expected IS NOT NULL
           AND c.brand_code = p_brand_code AND c.digest = k.digest AND c.channel = k.channel
           AND c.recipient_type = k.recipient_type;
    END IF;

    INSERT INTO movement (
        brand_code, extent_id, extent_offset, previous_extent, previous_offset, kind, channel,
        recipient_type, status, source, consent_date, retailer_code, retailer_access, digest, sealed,
        sealing_key_id)
    SELECT p_brand_code, v_extent, k.n::integer, k.previous_extent, k.previous_offset, k.kind, k.channel,
           k.recipient_type, k.status, k.source, k.consent_date, k.retailer_code,
           k.retailer_access::integer[], k.digest, k.sealed, p_sealing_key_id
      FROM unnest(p_digests, p_channels, p_recipient_types, p_kinds, p_statuses, p_sources,
                  p_consent_dates, p_retailer_codes, p_retailer_access, p_sealed, p_expected_extents,
                  p_expected_offsets)
           WITH ORDINALITY AS k (digest, channel, recipient_type, kind, status, source, consent_date,
                                 retailer_code, retailer_access, sealed, previous_extent,
                                 previous_offset, n);

    -- The head comes last: from here to the commit every other writer of this brand waits.
    UPDATE brand_head
       SET position = position + v_size, extent_id = v_extent, extent_nonce = p_nonce,
           extent_offset = v_size, approvals = approvals + p_approvals,
           rejections = rejections + p_rejections
     WHERE brand_code = p_brand_code
    RETURNING position - v_size INTO STRICT v_base;
    -- The time is taken under the head's lock too, so that it goes the way of the positions, and what a
    -- check could not see yet is not dated before that check.
    SELECT e.created_at INTO v_previous FROM extent AS e
     WHERE e.brand_code = p_brand_code AND e.base_position < v_base
     ORDER BY e.base_position DESC LIMIT 1;
    created_at := GREATEST(clock_timestamp(), v_previous);
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    VALUES (p_brand_code, v_extent, p_nonce, v_base, v_size, append_movements_v1.created_at);

    extent_id := v_extent;
    base_position := v_base;
END $$;
