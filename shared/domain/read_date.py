"""The date of a consent: when the person decided, and whether that can still be reported.

In the order in which one date can fail: it is not written as the wire writes dates, no such
moment exists (R9), it is from before the law (R7), it has not come yet (R6), it was reported too
late (R10). Only the first is said.

HS_2015 declares a consent from before the law, when nobody kept dates. All such records share
one moment, the day the law came into force (R8). It is the only rule for their date: the three
days that it has long overrun do not bind it (R19), or the source could never be used.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from shared.domain.consent import Source
from shared.domain.faults import (
    ABSENT,
    ConsentDateMissing,
    ConsentTooLate,
    DateBefore2015,
    DateFormatWrong,
    DateImpossible,
    DateInFuture,
    Fault,
    Pre2015DateWrong,
)
from shared.domain.read_words import Body, Faults
from shared.domain.transition_calendar import may_upload
from shared.domain.wire_time import TURKEY, DateFlaw, parse_wire_date
from shared.domain.write_policy import WritePolicy

LAW_IN_FORCE_AT: Final = datetime(2015, 5, 1, tzinfo=TURKEY).astimezone(UTC)
"""Nothing is older (R7), and HS_2015 is exactly this old (R8)."""

_FLAWS: Final[Mapping[DateFlaw, type[Fault]]] = {
    DateFlaw.WRONG_FORMAT: DateFormatWrong,
    DateFlaw.NO_SUCH_MOMENT: DateImpossible,
}


def read_date(
    body: Body,
    source: Source | None,
    policy: WritePolicy,
    *,
    may_omit: bool,
    now: datetime,
) -> tuple[datetime | None, Faults]:
    """Read the moment of the decision (R6–R10, C5, C7); it comes back also when it is too late."""
    raw = body.get("consentDate", ABSENT)
    if raw is ABSENT:
        return None, () if may_omit else (ConsentDateMissing(("consentDate",)),)
    moment = parse_wire_date(raw)
    if isinstance(moment, DateFlaw):
        return None, (_FLAWS[moment](("consentDate",), raw),)
    if source is Source.PRE_2015:
        fault = _pre_2015_date_fault(moment, policy, now=now)
    else:
        fault = _date_fault(moment, policy, now=now)
    return moment, (fault(("consentDate",), raw),) if fault else ()


def _date_fault(moment: datetime, policy: WritePolicy, *, now: datetime) -> type[Fault] | None:
    if moment < LAW_IN_FORCE_AT:
        return DateBefore2015
    if moment > now + policy.clock_tolerance:
        return DateInFuture
    if policy.three_day_rule and policy.calendar.is_late(moment, now=now):
        return ConsentTooLate
    return None


def _pre_2015_date_fault(
    moment: datetime, policy: WritePolicy, *, now: datetime
) -> type[Fault] | None:
    """Want the one date (R8), and the transition's periods where they are enforced (D15)."""
    if moment != LAW_IN_FORCE_AT:
        return Pre2015DateWrong
    if not policy.transition_rules_enforced:
        return None
    own_window_is_open = not policy.calendar.is_late(moment, now=now)
    if may_upload(policy.transition_group, own_window_is_open=own_window_is_open, now=now):
        return None
    return ConsentTooLate
