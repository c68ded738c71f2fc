"""The ingest service: batches, files and partner uploads on their way into the ledger."""
