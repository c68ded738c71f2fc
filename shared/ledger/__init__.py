"""The only speaker of Postgres."""
