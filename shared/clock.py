"""The one place that reads the time; everybody else is handed `now`."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251  # this is the place


def unix_now() -> float:
    """Return the seconds since 1970, for tokens."""
    return time.time()  # noqa: TID251  # this is the place
