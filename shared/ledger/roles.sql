-- Who may do what in the ledger. Applied after every migration; safe to repeat.
--
-- The owner migrates and nothing else. Nobody has UPDATE or DELETE on a movement or an extent. The check
-- reads, and appends to its own evidence. Versions (`authority_version`, `directory_version`) are moved
-- by triggers alone, with the owner's power.

DO $$
DECLARE
    name text;
BEGIN
    -- Roles belong to the whole server, advisory locks to one database: somebody who migrates another
    -- database at the same time may be faster, and that is fine.
    FOREACH name IN ARRAY ARRAY['izin_registry', 'izin_ingest', 'izin_check', 'izin_projector'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END $$;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, izin_registry, izin_ingest, izin_check, izin_projector;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, izin_registry, izin_ingest, izin_check, izin_projector;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, izin_registry, izin_ingest, izin_check, izin_projector;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- Everybody reads what a decision stands on; secrets only where they are verified.
GRANT SELECT ON
    ledger_state, directory_change, provider, brand, operator, operator_brand, header, header_operator,
    partner, brand_grant, retailer, brand_head, extent, movement, consent, schema_migration
TO izin_registry, izin_ingest, izin_check, izin_projector;
GRANT SELECT ON api_user TO izin_registry, izin_ingest, izin_check;

-- The check: its own evidence, INSERT alone.
GRANT INSERT ON check_evidence TO izin_check;

-- The writers of movements: through the one function that keeps the rules of the ledger.
GRANT EXECUTE ON FUNCTION append_movements_v1 TO izin_registry, izin_ingest;
-- The first registry leaves the proof of its digest key.
GRANT UPDATE (digest_key_proof) ON ledger_state TO izin_registry;

-- Accounts are the registry's. Nothing of them is deleted but bindings and grants.
GRANT USAGE ON SEQUENCE account_code_seq TO izin_registry;
GRANT INSERT, UPDATE ON provider, brand, operator, partner, retailer, api_user TO izin_registry;
GRANT INSERT, UPDATE, DELETE ON header, brand_grant TO izin_registry;
GRANT INSERT, DELETE ON operator_brand, header_operator TO izin_registry;
GRANT SELECT, INSERT, DELETE ON refresh_token TO izin_registry;
