"""Retailers of a brand, and which of them may use a consent (iys-api 5 and 6)."""
