"""The command line, and the embedded default that `izin up` runs."""
