"""What a row of a file means, and what must become of it: the rules of a single key, once more and plainly.

The product has its own rules; these are written for the load tests, from the published ones (iys-api 4.10)
and from what the project promises about refusals that are turned away. Dates are Turkish local time.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

ACCEPTED: Final = "ACCEPTED"
UNCHANGED: Final = "UNCHANGED"
BLANK: Final = "BLANK"
"""A row with nothing in it: it does not count, and nothing is told of it."""
APPROVAL: Final = "ONAY"
REFUSAL: Final = "RET"
MERCHANT: Final = "TACIR"
TOO_LATE: Final = "H467"
IN_FUTURE: Final = "H162"
_ALWAYS_KEPT: Final = frozenset({"H175", "H486", TOO_LATE, IN_FUTURE})


@dataclass(frozen=True, slots=True)
class Meaning:
    """A row that can be read. `untimely` is H467 or H162, which is said whatever is on record."""

    status: str
    source: str | None
    date: datetime | None
    recipient_type: str
    untimely: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a row ends: ACCEPTED, UNCHANGED or a code; `block` when a refusal is kept all the same."""

    word: str
    block: bool = False


@dataclass(slots=True)
class Record:
    """What is on record about one key; `heard` is when a refusal without a date is dated."""

    heard: datetime
    status: str | None = None
    date: datetime | None = None
    blocked: datetime | None = None

    def take(self, new: Meaning) -> Outcome:
        """Say what becomes of the next row of this key, and remember it."""
        code = new.untimely or self._objection(new)
        if code is None:
            self.status, self.date = new.status, new.date
            return Outcome(ACCEPTED)
        if self.status == new.status and self.date == new.date:
            return Outcome(UNCHANGED)
        return Outcome(code, block=self._keep(new, code))

    def _objection(self, new: Meaning) -> str | None:
        if self.status is None:
            return _objection_to_first(new)
        if new.recipient_type == MERCHANT and new.source is None:
            return "H463"
        if new.recipient_type == MERCHANT and new.date is None:
            return "H462"
        if self.status == new.status == REFUSAL:
            return "H174"
        return None if _is_later(new.date, self.date) else "H178"

    def _keep(self, new: Meaning, code: str) -> bool:
        """Keep a refusal that was turned away, where it says something new."""
        says_more = (
            code in _ALWAYS_KEPT
            or (code == "H178" and new.date == self.date)
            or (code == "H174" and _is_later(new.date, self.date))
        )
        if new.status != REFUSAL or not says_more:
            return False
        moment = self.heard if new.date is None else min(new.date, self.heard)
        if self.blocked is not None and moment <= self.blocked:
            return False
        self.blocked = moment
        return True


def _objection_to_first(new: Meaning) -> str | None:
    if new.source == "HS_KARAR":
        return "H486"
    return "H175" if new.status == REFUSAL else None


def _is_later(moment: datetime | None, than: datetime | None) -> bool:
    if moment is None or than is None:
        return than is None
    return moment > than
