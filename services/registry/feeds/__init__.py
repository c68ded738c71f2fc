"""A brand's consents over time: one address, the feed of changes, the report of a day (iys-api 4.8, 4.9)."""
