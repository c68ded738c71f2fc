"""What may differ between two installations, or two providers, that take the same consent.

Everything else about a write is the wire's. These are apart because tests, sandboxes and another
country's registry want other values, and because the provider's transition group is on its
record.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.calendar import BusinessCalendar
from shared.domain.transition_calendar import SMALL, TransitionGroup


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """What an installation, or the provider that writes, decides about writes.

    `clock_tolerance` is how far ahead of ours a client's clock may run before its consent counts as
    one from the future (R6). `transition_group` matters under `transition_rules_enforced` only.
    """

    calendar: BusinessCalendar
    three_day_rule: bool
    admit_test_range: bool
    retailer_access_max: int = 3000
    clock_tolerance: timedelta = timedelta(0)
    transition_rules_enforced: bool = False
    transition_group: TransitionGroup = SMALL
