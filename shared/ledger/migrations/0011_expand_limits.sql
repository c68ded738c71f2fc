-- From where an account may act: null, from anywhere; else from these networks alone. The trigger on api_user
-- moves the directory version, so a change holds for the next request on every process.

ALTER TABLE api_user
    ADD COLUMN allowed_networks cidr[] CONSTRAINT api_user_networks_are_a_list CHECK (
        cardinality(allowed_networks) BETWEEN 1 AND 100);
