"""Batches, files and partner uploads: reserved for the ingest service (its database role exists)."""
