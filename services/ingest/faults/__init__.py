"""The rows of a file that were turned away: put together, and handed out in the format of the upload."""
