"""The one error that a person at the command line is meant to read."""


class CliError(Exception):
    """Something anticipated went wrong; the text is one line that says what to do about it."""
