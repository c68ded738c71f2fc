"""Brings the cache to the head of the ledger, brand by brand (docs/coherence.md, "A projector")."""
