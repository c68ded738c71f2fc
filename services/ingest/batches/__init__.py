"""İYS batches: taken in, worked off as one step of a lane, and asked about (iys-api 4.3 to 4.5)."""
