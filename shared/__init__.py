"""What the services share: pure rules, ledger, cache, auth, web edge, telemetry."""
