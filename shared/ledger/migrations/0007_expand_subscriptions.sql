-- Subscriptions: who may use the wire at all, and how many addresses a provider may have on record
-- (iys-api 10.3, regulation J9).
--
-- A provider and a partner have one subscription each, or none. Whether it has run out is a matter of the
-- clock (`ends_at`) and needs no write. A provider's hangs on the authority version of its brands, a
-- partner's on the directory version, so a change holds for the next request of every process.

CREATE TYPE subscription_state AS ENUM ('ACTIVE', 'PAUSED', 'EXPIRED', 'CLOSED');

CREATE TABLE subscription (
    subscription_id uuid               NOT NULL DEFAULT gen_random_uuid(),
    iys_code        integer            CONSTRAINT subscription_provider_exists REFERENCES provider,
    integrator_code integer            CONSTRAINT subscription_partner_exists REFERENCES partner,
    package         text               NOT NULL,
    with_api        boolean            NOT NULL DEFAULT true,
    state           subscription_state NOT NULL DEFAULT 'ACTIVE',
    starts_at       timestamptz        NOT NULL DEFAULT now(),
    -- The end of a day in Turkey; this one stands for "no end", which the wire cannot say.
    ends_at         timestamptz        NOT NULL DEFAULT '2099-12-31 23:59:59+03',
    -- Addresses that may be on record; null: what the installation allows whose subscription is silent.
    consent_limit   bigint,
    may_exceed      boolean            NOT NULL DEFAULT false,
    CONSTRAINT subscription_pkey PRIMARY KEY (subscription_id),
    CONSTRAINT subscription_of_provider_is_one UNIQUE (iys_code),
    CONSTRAINT subscription_of_partner_is_one UNIQUE (integrator_code),
    CONSTRAINT subscription_is_somebodys CHECK (num_nonnulls(iys_code, integrator_code) = 1),
    CONSTRAINT subscription_begins_before_it_ends CHECK (starts_at < ends_at),
    CONSTRAINT subscription_limit_is_a_providers CHECK (
        consent_limit IS NULL OR (iys_code IS NOT NULL AND consent_limit >= 0))
);

-- Whoever is registered begins with one: active, with the API, without an end.
CREATE FUNCTION subscriber_was_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'provider' THEN
        INSERT INTO subscription (iys_code, package, starts_at)
        VALUES (NEW.iys_code, 'izin', NEW.created_at);
    ELSE
        INSERT INTO subscription (integrator_code, package, starts_at)
        VALUES (NEW.integrator_code, 'izin', NEW.created_at);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION subscription_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM bump_brands(ARRAY(
        SELECT brand_code FROM brand WHERE iys_code IN (OLD.iys_code, NEW.iys_code)));
    RETURN NULL;
END $$;

INSERT INTO subscription (iys_code, package, starts_at)
SELECT iys_code, 'izin', created_at FROM provider;
INSERT INTO subscription (integrator_code, package, starts_at)
SELECT integrator_code, 'izin', created_at FROM partner;

CREATE TRIGGER provider_gets_its_subscription AFTER INSERT ON provider
    FOR EACH ROW EXECUTE FUNCTION subscriber_was_added();
CREATE TRIGGER partner_gets_its_subscription AFTER INSERT ON partner
    FOR EACH ROW EXECUTE FUNCTION subscriber_was_added();
CREATE TRIGGER subscription_bumps_authority AFTER INSERT OR UPDATE OR DELETE ON subscription
    FOR EACH ROW EXECUTE FUNCTION subscription_changed();
CREATE TRIGGER subscription_changes_directory AFTER INSERT OR UPDATE OR DELETE ON subscription
    FOR EACH ROW EXECUTE FUNCTION organisation_changed();
