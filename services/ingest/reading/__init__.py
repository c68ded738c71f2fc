"""Reading uploaded files: the format, the columns, and every row as a consent or with the reason why not."""
