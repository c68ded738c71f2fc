"""Reconciliation (mutabakat): a brand's day as counts, as a file, as the file's hash with a time stamp."""
