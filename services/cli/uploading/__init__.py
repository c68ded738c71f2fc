"""What `izin upload`, `izin jobs` and `izin template` are made of: a job, its content on its way, reports."""
