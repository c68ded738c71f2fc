"""The move of old consents into the registry, 2020–2021, as data (regulation d.3).

When the registry opened, every provider had consents from before it. They could be uploaded
until a date that depended on the provider's size, citizens had some weeks to look and refuse,
and what they let stand became a valid approval. The dates were moved three times; those that
bind are the last. The calendar is over, but old records are explained by it, and a registry that
starts elsewhere runs its own. `transition_rules=enforced` applies it to HS_2015; by default such
records are taken at any time, since a sandbox without them would be of little use.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from shared.domain.wire_time import turkish_day

LARGE_ABOVE: Final = 150_000
"""Approvals at the announcement; a provider with exactly so many is in the smaller group (D13)."""


@dataclass(frozen=True, slots=True)
class TransitionGroup:
    """Providers that shared both dates. Each is the last day of its period, in Turkey."""

    upload_until: date
    check_until: date

    @property
    def valid_from(self) -> date:
        """An upload not refused by its check date is an approval from the next day on (D14)."""
        return self.check_until + timedelta(days=1)


LARGE: Final = TransitionGroup(upload_until=date(2020, 12, 31), check_until=date(2021, 2, 15))
SMALL: Final = TransitionGroup(upload_until=date(2021, 5, 31), check_until=date(2021, 7, 15))


@dataclass(frozen=True, slots=True)
class Milestone:
    """One day of the calendar; a superseded one was announced and then moved."""

    day: date
    event: str
    is_superseded: bool = False


MILESTONES: Final = (
    Milestone(date(2020, 6, 1), "upload ends, as first set", is_superseded=True),
    Milestone(date(2020, 8, 31), "upload ends, as moved in May 2020", is_superseded=True),
    Milestone(date(2020, 11, 30), "what is not reported becomes void", is_superseded=True),
    Milestone(date(2020, 12, 1), "the registry opens to citizens", is_superseded=True),
    Milestone(LARGE.upload_until, "upload ends above 150,000"),
    Milestone(date(2021, 1, 8), "citizens' screens have opened by then"),
    Milestone(date(2021, 1, 16), "what is not refused becomes approval", is_superseded=True),
    Milestone(LARGE.check_until, "citizens' check ends above 150,000"),
    Milestone(SMALL.upload_until, "upload ends up to 150,000"),
    Milestone(date(2021, 6, 1), "the full regime binds everyone"),
    Milestone(SMALL.check_until, "citizens' check ends up to 150,000"),
)


def group_of(*, approvals: int) -> TransitionGroup:
    """Assign a provider by its approvals at the announcement; the threshold is strict (D13)."""
    return LARGE if approvals > LARGE_ABOVE else SMALL


def is_standing_approval(group: TransitionGroup, *, now: datetime) -> bool:
    """Tell whether an upload nobody refused stands by itself, not on the old approval (D14)."""
    return turkish_day(now) >= group.valid_from


def may_upload(group: TransitionGroup, *, own_window_is_open: bool, now: datetime) -> bool:
    """Take a transition record in its period, or while its own three days last (D15)."""
    return own_window_is_open or turkish_day(now) <= group.upload_until
