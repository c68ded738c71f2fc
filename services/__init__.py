"""The processes of izin: check, registry, ingest, and the command line that starts them."""
