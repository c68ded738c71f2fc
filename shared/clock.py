"""The one place that reads the time; everybody else is handed `now`."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251  # this is the place
