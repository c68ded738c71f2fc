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

-- The history of a key, for whoever reads the tables that it stands on.
GRANT EXECUTE ON FUNCTION movements_of_key TO izin_registry, izin_ingest, izin_check;

-- The check: its own evidence, INSERT alone.
GRANT INSERT ON check_evidence TO izin_check;

-- The writers of movements: through the one function that keeps the rules of the ledger.
GRANT EXECUTE ON FUNCTION append_movements_v1, append_movements_v2 TO izin_registry, izin_ingest;
-- The first registry leaves the proof of its digest key.
GRANT UPDATE (digest_key_proof) ON ledger_state TO izin_registry;

-- Accounts are the registry's. Nothing of them is deleted but bindings and grants.
GRANT USAGE ON SEQUENCE account_code_seq TO izin_registry;
GRANT INSERT, UPDATE ON provider, brand, operator, partner, retailer, api_user TO izin_registry;
GRANT INSERT, UPDATE, DELETE ON header, brand_grant TO izin_registry;
GRANT INSERT, DELETE ON operator_brand, header_operator TO izin_registry;
GRANT SELECT, INSERT, DELETE ON refresh_token TO izin_registry;

-- Names of citizens: written beside a movement, shown in the feed, deleted when they expire.
GRANT SELECT, INSERT, DELETE ON citizen_name TO izin_registry;

-- How many consents name a retailer: counted by the append, asked by the registry alone.
GRANT SELECT ON retailer_reach TO izin_registry;

-- The registry's own movements: the audit grows and nothing else. Of a reported line, what is still to be done.
GRANT SELECT, INSERT ON system_action, system_outcome, line_closure_report, line_closure TO izin_registry;
GRANT UPDATE (sealing_key_id, sealed, due_at, attempts, done_at, consents_closed, brands)
    ON line_closure TO izin_registry;

-- Subscriptions: whoever identifies callers or admits them to a brand reads them beside it.
GRANT SELECT ON subscription TO izin_registry, izin_ingest, izin_check;
GRANT INSERT, UPDATE, DELETE ON subscription TO izin_registry;

-- Administration: applications and papers are the registry's. A key is read by whoever meets it, and its days
-- of use are noted there. The trail of changes is written by triggers, and read.
GRANT SELECT, INSERT, UPDATE ON application TO izin_registry;
GRANT SELECT, INSERT, UPDATE, DELETE ON application_document TO izin_registry;
GRANT SELECT ON api_key TO izin_registry, izin_ingest, izin_check;
GRANT INSERT, UPDATE ON api_key TO izin_registry;
GRANT INSERT ON api_key_use TO izin_registry, izin_ingest, izin_check;
GRANT SELECT ON api_key_use, account_event TO izin_registry;

-- The queue of ingest. Outcomes of items are written by the function that stores the movements; only those of
-- items that were turned away on arrival are not.
GRANT SELECT, INSERT, UPDATE, DELETE ON ingest_job, ingest_lane, ingest_turn TO izin_ingest;
GRANT SELECT, INSERT ON ingest_item TO izin_ingest;
GRANT SELECT ON ingest_count TO izin_ingest;
GRANT EXECUTE ON FUNCTION record_step_v1, for_every_row TO izin_ingest;

-- Connections of push, with what is delivered to them.
GRANT SELECT, INSERT, UPDATE, DELETE ON push_registration TO izin_registry;

-- Reports of reconciliation are made, stamped and agreed to by the registry; none is deleted.
GRANT SELECT, INSERT, UPDATE ON reconciliation_day, reconciliation_report TO izin_registry;
