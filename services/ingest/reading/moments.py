"""Dates of rows, each spelling read once: quick where the date is surely in time, by the rules where not."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from services.ingest.reading.dates import read_moment
from shared.domain.consent import Source
from shared.domain.read_date import LAW_IN_FORCE_AT, read_date
from shared.domain.write_policy import WritePolicy

KNOWN_MAX: Final = 32_768
KNOWN_CHARS_MAX: Final = 40
_WIRE: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_TURKEY_IS_AHEAD: Final = timedelta(hours=3)
_ONE_DAY: Final = timedelta(days=1)


class Moments:
    """The dates of rows under the same rules: of HS_2015 or not, and whether they may be missing.

    `known` has what was read already. It is asked first, because a file has few dates and many rows.
    `default` is for blank cells.
    """

    def __init__(
        self,
        policy: WritePolicy,
        now: datetime,
        *,
        is_pre_2015: bool,
        may_omit: bool,
        default: str | None,
    ) -> None:
        self._policy = policy
        self._now = now
        self._source = Source.PRE_2015 if is_pre_2015 else None
        self._may_omit = may_omit
        self._default = default
        self._after = now if is_pre_2015 else _surely_in_time(policy, now)
        self.known: dict[str | None, datetime] = {}

    def read(self, written: str | None) -> datetime | None:
        """Return a date that no rule speaks against, and know it from now on; None: look more closely."""
        moment = self._quick(written) or self._by_the_rules(written)
        if moment is not None and len(written or "") <= KNOWN_CHARS_MAX:
            if len(self.known) >= KNOWN_MAX:
                self.known.clear()
            self.known[written] = moment
        return moment

    def is_omitted(self, written: str | None) -> bool:
        """Say whether there is no date, and need not be one."""
        return self._may_omit and self._default is None and not (written and written.strip())

    def _quick(self, written: str | None) -> datetime | None:
        """Read a date of the wire's spelling, if it is one between the last possible day and now."""
        if written is None or not _WIRE.fullmatch(written):
            return None
        try:
            moment = datetime.fromisoformat(written + "+00:00") - _TURKEY_IS_AHEAD
        except (ValueError, OverflowError):
            return None
        return moment if self._after < moment <= self._now else None

    def _by_the_rules(self, written: str | None) -> datetime | None:
        text = (written or "").strip() or self._default
        if text is None:
            return None
        moment, faults = read_date(
            {"consentDate": read_moment(text)},
            self._source,
            self._policy,
            may_omit=self._may_omit,
            now=self._now,
        )
        return None if faults else moment


def _surely_in_time(policy: WritePolicy, now: datetime) -> datetime:
    """Return a moment after which no date is late: the calendar is asked for the days before `now`."""
    if not policy.three_day_rule:
        return LAW_IN_FORCE_AT
    day = now.astimezone(UTC)
    while not policy.calendar.is_late(day - _ONE_DAY, now=now):
        day -= _ONE_DAY
    return max(day, LAW_IN_FORCE_AT)
