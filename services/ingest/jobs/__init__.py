"""Files as jobs: how far they are, how they end, who is told, and when they are deleted."""
