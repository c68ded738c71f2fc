"""The HTTP edge: error envelopes, limits, health, request ids, the route table."""
