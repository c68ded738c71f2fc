"""May this message go out? Reads the ledger, writes nothing but its own evidence."""
