-- A change of access is a movement: kind ACCESS, by `append_movements_v2`. And how many consents name a
-- retailer is known without counting them.

ALTER TABLE movement VALIDATE CONSTRAINT movement_block_is_a_refusal;

-- Derived, like `consent`: the consents that name a retailer, as the one that collected them or in their access
-- list. Changed under the lock of the brand's head, so it needs none of its own.
CREATE TABLE retailer_reach (
    brand_code    integer NOT NULL,
    retailer_code integer NOT NULL,
    consents      bigint  NOT NULL,
    CONSTRAINT retailer_reach_pkey PRIMARY KEY (brand_code, retailer_code)
) WITH (fillfactor = 50);

-- The retailers that these consents name, each with how many of them do.
CREATE FUNCTION retailers_linked(
    p_brand_code      integer,
    p_digests         bytea[],
    p_channels        channel[],
    p_recipient_types recipient_type[]
) RETURNS TABLE (retailer_code integer, consents bigint)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT named.code, count(*)
      FROM unnest(p_digests, p_channels, p_recipient_types) AS k (digest, channel, recipient_type)
     CROSS JOIN LATERAL (
           SELECT retailer_code, retailer_access
             FROM consent
            WHERE brand_code = p_brand_code AND digest = k.digest AND channel = k.channel
              AND recipient_type = k.recipient_type
           OFFSET 0) AS c
     CROSS JOIN LATERAL (SELECT DISTINCT code FROM unnest(c.retailer_access || c.retailer_code) AS code
                          WHERE code IS NOT NULL) AS named
     GROUP BY named.code
$$;

-- Counts anew: here, and for the owner should `izin ledger verify` ever find a count that is wrong.
CREATE FUNCTION recount_retailers() RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    LOCK TABLE consent IN SHARE MODE;
    DELETE FROM retailer_reach;
    INSERT INTO retailer_reach (brand_code, retailer_code, consents)
    SELECT c.brand_code, named.code, count(*)
      FROM consent AS c
     CROSS JOIN LATERAL (SELECT DISTINCT code FROM unnest(c.retailer_access || c.retailer_code) AS code
                          WHERE code IS NOT NULL) AS named
     WHERE c.retailer_code IS NOT NULL OR c.retailer_access IS NOT NULL
     GROUP BY c.brand_code, named.code;
END $$;
SELECT recount_retailers();

-- As `append_movements_v1` (see there), and besides: a movement of kind ACCESS changes who may use the consent
-- and nothing else; retailers are counted; a write that names a retailer who was removed since it was judged is
-- IZ001, too.

CREATE FUNCTION append_movements_v2(
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
    v_places   tid[];
    v_linked   boolean;
    v_codes    integer[];
    v_changes  bigint[];
    v_extent   bigint;
    v_base     bigint;
    v_previous timestamptz;
BEGIN
    IF NOT EXISTS (SELECT FROM ledger_state WHERE digest_key_id = p_digest_key_id) THEN
        RAISE EXCEPTION 'digest key % is not in use', p_digest_key_id USING ERRCODE = 'IZ002';
    END IF;

    -- Lock the keys that exist, in digest order. A key counts as held when its newest movement is
    -- still the one that the caller judged by. Each is looked for by itself, whatever the planner knows of
    -- the table; `v_places` says where each is, in the caller's order.
    SELECT count(expected) INTO v_known FROM unnest(p_expected_extents) AS expected;
    IF v_known > 0 THEN
        IF p_wait THEN
            SELECT array_agg(c.place ORDER BY k.n), bool_or(c.linked) INTO v_places, v_linked
              FROM (SELECT * FROM unnest(p_digests, p_channels, p_recipient_types, p_expected_extents,
                                         p_expected_offsets)
                             WITH ORDINALITY AS u (digest, channel, recipient_type, extent, "offset", n)
                     ORDER BY digest, channel, recipient_type) AS k
              LEFT JOIN LATERAL (
                   SELECT ctid AS place,
                          retailer_code IS NOT NULL OR retailer_access IS NOT NULL AS linked
                     FROM consent
                    WHERE k.extent IS NOT NULL AND brand_code = p_brand_code AND digest = k.digest
                      AND channel = k.channel AND recipient_type = k.recipient_type
                      AND latest_extent = k.extent AND latest_offset = k."offset"
                      FOR UPDATE) AS c ON true;
        ELSE
            SELECT array_agg(c.place ORDER BY k.n), bool_or(c.linked) INTO v_places, v_linked
              FROM (SELECT * FROM unnest(p_digests, p_channels, p_recipient_types, p_expected_extents,
                                         p_expected_offsets)
                             WITH ORDINALITY AS u (digest, channel, recipient_type, extent, "offset", n)
                     ORDER BY digest, channel, recipient_type) AS k
              LEFT JOIN LATERAL (
                   SELECT ctid AS place,
                          retailer_code IS NOT NULL OR retailer_access IS NOT NULL AS linked
                     FROM consent
                    WHERE k.extent IS NOT NULL AND brand_code = p_brand_code AND digest = k.digest
                      AND channel = k.channel AND recipient_type = k.recipient_type
                      AND latest_extent = k.extent AND latest_offset = k."offset"
                      FOR UPDATE SKIP LOCKED) AS c ON true;
        END IF;
        SELECT array_agg(k.n) INTO left_out
          FROM unnest(p_expected_extents, v_places) WITH ORDINALITY AS k (extent, place, n)
         WHERE k.extent IS NOT NULL AND k.place IS NULL;
        IF left_out IS NOT NULL THEN
            RETURN;
        END IF;
    END IF;

    v_extent := nextval('extent_id_seq');

    -- How many consents name a retailer is counted here as well, but only where some retailer is named.
    v_linked := COALESCE(v_linked, false) OR EXISTS (
        SELECT FROM unnest(p_retailer_codes, p_retailer_access) AS r (code, access)
         WHERE r.code IS NOT NULL OR r.access IS NOT NULL);
    IF v_linked THEN
        SELECT array_agg(l.retailer_code), array_agg(-l.consents) INTO v_codes, v_changes
          FROM retailers_linked(p_brand_code, p_digests, p_channels, p_recipient_types) AS l;
    END IF;

    -- Keys that were not there. Somebody may have added one since: then nothing of this is written, and the error
    -- is that of `consent_pkey`. To ask each key first would cost another way down the index.
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
         ORDER BY k.digest, k.channel, k.recipient_type;
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
               retailer_code   = CASE k.kind WHEN 'BLOCK' THEN c.retailer_code ELSE k.retailer_code END,
               -- An update that names no retailers leaves those that there are; a refusal leaves none. A
               -- change of access says all that there are from now on.
               retailer_access = CASE WHEN k.kind = 'BLOCK' THEN c.retailer_access
                                      WHEN k.kind = 'ACCESS' OR k.status = 'RET'
                                      THEN k.retailer_access::integer[]
                                      ELSE COALESCE(k.retailer_access::integer[], c.retailer_access)
                                 END
          FROM unnest(v_places, p_kinds, p_statuses, p_consent_dates, p_retailer_codes, p_retailer_access)
               WITH ORDINALITY AS k (place, kind, status, consent_date, retailer_code, retailer_access, n)
         WHERE c.ctid = k.place;  -- held by us, so it is still there
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

    IF v_linked THEN
        SELECT array_agg(d.code ORDER BY d.code), array_agg(d.change ORDER BY d.code)
          INTO v_codes, v_changes
          FROM (SELECT n.code, sum(n.change)::bigint AS change
                  FROM (SELECT l.retailer_code AS code, l.consents AS change
                          FROM retailers_linked(
                               p_brand_code, p_digests, p_channels, p_recipient_types) AS l
                         UNION ALL
                        SELECT b.code, b.change FROM unnest(v_codes, v_changes) AS b (code, change)) AS n
                 GROUP BY n.code
                HAVING sum(n.change) <> 0) AS d;
    END IF;

    -- The head comes last: from here to the commit every other writer of this brand waits.
    UPDATE brand_head
       SET position = position + v_size, extent_id = v_extent, extent_nonce = p_nonce,
           extent_offset = v_size, approvals = approvals + p_approvals,
           rejections = rejections + p_rejections
     WHERE brand_code = p_brand_code
    RETURNING position - v_size INTO STRICT v_base;
    -- Under it, so that nobody else counts, and no retailer of this brand is removed.
    IF v_codes IS NOT NULL THEN
        IF EXISTS (SELECT FROM unnest(v_codes, v_changes) AS d (code, change)
                     JOIN retailer AS r ON r.retailer_code = d.code
                    WHERE d.change > 0 AND r.deleted_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a retailer was removed meanwhile' USING ERRCODE = 'IZ001';
        END IF;
        INSERT INTO retailer_reach AS t (brand_code, retailer_code, consents)
        SELECT p_brand_code, d.code, d.change FROM unnest(v_codes, v_changes) AS d (code, change)
            ON CONFLICT ON CONSTRAINT retailer_reach_pkey DO UPDATE
           SET consents = t.consents + EXCLUDED.consents;
    END IF;
    -- The time is taken under the head's lock too, so that it goes the way of the positions, and what a
    -- check could not see yet is not dated before that check.
    SELECT e.created_at INTO v_previous FROM extent AS e
     WHERE e.brand_code = p_brand_code AND e.base_position < v_base
     ORDER BY e.base_position DESC LIMIT 1;
    created_at := GREATEST(clock_timestamp(), v_previous);
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    VALUES (p_brand_code, v_extent, p_nonce, v_base, v_size, append_movements_v2.created_at);

    extent_id := v_extent;
    base_position := v_base;
END $$;

-- Who calls the version before keeps its place in the same order and the same counts, and its errors.
CREATE OR REPLACE FUNCTION append_movements_v1(
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
BEGIN
    SELECT a.extent_id, a.base_position, a.created_at, a.left_out
      INTO extent_id, base_position, created_at, left_out
      FROM append_movements_v2(
           p_brand_code, p_digest_key_id, p_sealing_key_id, p_nonce, p_wait, p_approvals,
           p_rejections, p_digests, p_channels, p_recipient_types, p_kinds, p_statuses,
           p_sources, p_consent_dates, p_retailer_codes, p_retailer_access, p_sealed,
           p_expected_extents, p_expected_offsets) AS a;
EXCEPTION WHEN unique_violation THEN
    RAISE EXCEPTION 'a key appeared meanwhile' USING ERRCODE = 'IZ001';
END $$;
