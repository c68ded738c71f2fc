"""The only speaker of the Redis protocol."""
