-- Feeds: what lets a reader follow one brand, by time and by source, without reading everything.

-- The time goes the way of the positions (`append_movements_*`), so a moment is found by one probe. While this
-- index and the next one are made, nobody writes: on a ledger of many millions make both beforehand, by hand and
-- CONCURRENTLY, under these names.
CREATE INDEX IF NOT EXISTS extent_by_time ON extent (brand_code, created_at, base_position);

-- The registry's own movements are few among a provider's many. Sources of the registry stand last in the
-- enum, so that one comparison says it; a new source of providers is added BEFORE 'IYS_WEB'.
CREATE INDEX IF NOT EXISTS movement_of_registry ON movement (brand_code, extent_id, extent_offset)
    WHERE kind = 'CONSENT' AND source >= 'IYS_WEB';

-- Says whether an extent has such movements, so that they can be read in the order of the positions. An
-- extent is written after its movements, in the same transaction, by functions that have the owner's power:
-- so this one needs none of its own, which would cost more than its look.
ALTER TABLE extent ADD COLUMN has_registry boolean NOT NULL DEFAULT false;

CREATE FUNCTION extent_looks_at_its_sources() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    NEW.has_registry := EXISTS (
        SELECT FROM public.movement AS m
         WHERE m.brand_code = NEW.brand_code AND m.extent_id = NEW.extent_id
           AND m.kind = 'CONSENT' AND m.source >= 'IYS_WEB');
    RETURN NEW;
END $$;

CREATE TRIGGER extent_looks_at_its_sources BEFORE INSERT ON extent
    FOR EACH ROW EXECUTE FUNCTION extent_looks_at_its_sources();

CREATE INDEX extent_with_registry ON extent (brand_code, base_position) WHERE has_registry;

-- The name of a citizen who added the brand for the first time (IYS_WEB_YENI): shown in the feed for some
-- days, and then deleted. It is not part of the ledger. No reference to `movement`: that table is replaced by
-- a re-key.
CREATE TABLE citizen_name (
    brand_code     integer     NOT NULL,
    extent_id      bigint      NOT NULL,
    extent_offset  integer     NOT NULL,
    sealing_key_id smallint    NOT NULL,
    sealed         bytea       NOT NULL,
    expires_at     timestamptz NOT NULL,
    CONSTRAINT citizen_name_pkey PRIMARY KEY (brand_code, extent_id, extent_offset)
);
CREATE INDEX citizen_name_by_expiry ON citizen_name (expires_at);

-- All movements of one key, from the newest to the oldest: a walk along primary keys. Plain SQL without
-- settings, so that it becomes part of the statement that calls it.
CREATE FUNCTION movements_of_key(
    p_brand_code integer, p_digest bytea, p_channel channel, p_recipient_type recipient_type
) RETURNS TABLE (
    brand_code integer, extent_id bigint, extent_offset integer, kind movement_kind,
    status consent_status, source consent_source, consent_date timestamptz, retailer_code integer,
    retailer_access integer[]
) LANGUAGE sql STABLE AS $$
    WITH RECURSIVE walk AS (
        SELECT m.*
          FROM consent AS c
          JOIN movement AS m
            ON m.brand_code = c.brand_code AND m.extent_id = c.latest_extent
           AND m.extent_offset = c.latest_offset
         WHERE c.brand_code = p_brand_code AND c.digest = p_digest AND c.channel = p_channel
           AND c.recipient_type = p_recipient_type
        UNION ALL
        SELECT m.*
          FROM walk AS w
          JOIN movement AS m
            ON m.brand_code = w.brand_code AND m.extent_id = w.previous_extent
           AND m.extent_offset = w.previous_offset)
    SELECT w.brand_code, w.extent_id, w.extent_offset, w.kind, w.status, w.source, w.consent_date,
           w.retailer_code, w.retailer_access
      FROM walk AS w
$$;
