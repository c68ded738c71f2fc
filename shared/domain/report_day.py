"""The day of a reconciliation: which days may be asked for (iys-api 7).

Days are Turkey's. A report may be asked for when its day is over, and for as many days back as the wire
says: yesterday is the first of them.
"""

import re
from datetime import date, timedelta
from typing import Final, cast

from shared.domain.faults import ABSENT, Fault
from shared.domain.reconciliation_faults import (
    AgreementNotTrue,
    ReportDateMalformed,
    ReportDateOutOfWindow,
)

# ASCII: elsewhere a digit may be Arabic. And fullmatch, since `$` would forgive a final newline.
_FORMAT: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LOCATION: Final = ("reportDate",)
_ONE_DAY: Final = timedelta(days=1)


def read_report_date(raw: str, *, today: date, days_back: int) -> date | Fault:
    """Read `reportDate` of a path, or say what is wrong with it: H501, H502."""
    day = _parse(raw)
    if day is None:
        return ReportDateMalformed(_LOCATION, raw or ABSENT)
    if not 1 <= (today - day).days <= days_back:
        return ReportDateOutOfWindow(_LOCATION, raw, days_back=days_back)
    return day


def read_agreement(body: object) -> Fault | None:
    """Say what is wrong with the body of an agreement (H512): it holds `agreementStatus: true`.

    The wire shows no value beside this code, so none is echoed.
    """
    fields = cast("dict[object, object]", body) if isinstance(body, dict) else {}
    return None if fields.get("agreementStatus") is True else AgreementNotTrue(("agreementStatus",))


def days_to_report(today: date, *, days_back: int) -> list[date]:
    """Return every day that may be asked for, the oldest first."""
    return [today - n * _ONE_DAY for n in range(days_back, 0, -1)]


def _parse(raw: str) -> date | None:
    if not _FORMAT.fullmatch(raw):
        return None
    try:
        return date.fromisoformat(raw)
    except ValueError:
        return None
