"""What `izin scrub` is made of: rows of a file, a list on its way to the server, results, reports."""
