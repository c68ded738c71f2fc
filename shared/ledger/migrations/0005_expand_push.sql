-- Push: who receives the registry's own movements as they happen, and how far each one has got.
--
-- The movements are the queue. `position` is the place in the brand's order up to which everything of this
-- connection was delivered, or was not for it. Positions have no gaps, so nothing is ever left out; it
-- moves only after the receiver has said yes, so everything arrives at least once.

CREATE TABLE push_registration (
    registration_id bigint        GENERATED ALWAYS AS IDENTITY CONSTRAINT push_registration_pkey PRIMARY KEY,
    brand_code      integer       NOT NULL CONSTRAINT push_registration_brand_exists REFERENCES brand,
    channel         channel       NOT NULL,
    -- Whose it is: a partner's, or, without one, the provider's. Movements go out while `user_id` may read.
    integrator_code integer       CONSTRAINT push_registration_partner_exists REFERENCES partner,
    user_id         integer       NOT NULL CONSTRAINT push_registration_user_exists REFERENCES api_user,
    state           account_state NOT NULL DEFAULT 'ACTIVE',
    state_since     timestamptz   NOT NULL,
    -- At most two active ones a channel (iys-api 8): each holds one of two seats.
    seat            smallint,
    -- Address, user name, password and signing secrets of the receiver.
    sealing_key_id  smallint      NOT NULL,
    sealed          bytea         NOT NULL,
    position        bigint        NOT NULL,
    -- Where the delivery that failed ends: the next attempt is the same one.
    batch_until     bigint,
    attempts        integer       NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    next_attempt_at timestamptz   NOT NULL,
    last_outcome    text,
    -- Who works on it holds the lease; the number tells the holder from the one before.
    lease_until     timestamptz   NOT NULL DEFAULT '-infinity',
    lease_number    bigint        NOT NULL DEFAULT 0,
    CONSTRAINT push_registration_seat_is_free UNIQUE (brand_code, channel, seat),
    CONSTRAINT push_registration_active_has_seat CHECK (
        (state = 'ACTIVE') = (seat IS NOT NULL) AND seat BETWEEN 1 AND 2),
    CONSTRAINT push_registration_goes_forward CHECK (position >= 0 AND batch_until > position),
    CONSTRAINT push_registration_outcome_is_a_word CHECK (last_outcome ~ '^[a-z_]{1,40}$')
) WITH (fillfactor = 50);
