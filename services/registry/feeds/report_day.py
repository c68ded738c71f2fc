"""The consent changes of one day at one brand, counted: for its provider, its partners, and staff."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from shared.auth.directory import Directory
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.auth.rights import may_read
from shared.domain.consent import Channel, RecipientType
from shared.domain.read_feed import SourceKind
from shared.domain.wire_time import bounds_of_day, turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import BrandRow, UserRow
from shared.ledger.feed import Likeness, count_movements, find_window
from shared.ledger.store import ReaderPool
from shared.web.problems import FieldError, ProblemError

YESTERDAY: Final = "yesterday"
FIRST_DAY: Final = date(2015, 5, 1)
"""Of the law, and of consents."""
SETTLED_AFTER: Final = timedelta(minutes=1)
"""No write that was given its time before midnight commits later than so long after it."""
_POSITIONS_AT_ONCE: Final = 20_000
_LAST_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ReportRow:
    """The movements of one channel, recipient type and kind of source."""

    channel: Channel
    recipient_type: RecipientType
    source: SourceKind
    approvals: int
    refusals: int
    blocks: int

    @property
    def total(self) -> int:
        """How many movements these are."""
        return self.approvals + self.refusals + self.blocks


@dataclass(frozen=True, slots=True)
class DayReport:
    """A day of Turkey's at one brand; `complete` when nothing can be added to it any more."""

    brand_code: int
    day: date
    complete: bool
    rows: list[ReportRow]


@dataclass(frozen=True, slots=True)
class ReportDay:
    """The use case with what it needs. Call it as a function."""

    gate: Gate
    directory: Directory
    reader: StateReader
    pool: ReaderPool
    now: Callable[[], datetime]

    async def __call__(
        self, authorization: str | None, *, brand_code: int, day_text: str
    ) -> DayReport:
        """Count a brand's movements of a day (`YYYY-MM-DD`, or `yesterday`), on the caller's channels.

        Raises ProblemError: NOT_AUTHENTICATED, FORBIDDEN, UNKNOWN_BRAND, INVALID_FIELD;
        LedgerUnavailableError.
        """
        now = self.now()
        channels = await self._channels(authorization, brand_code, now)
        day = _read_day(day_text, now)
        begin, end = bounds_of_day(day)
        counts = await self._count(brand_code, begin, end - _LAST_MOMENT)
        return DayReport(brand_code, day, now >= end + SETTLED_AFTER, list(_rows(counts, channels)))

    async def _channels(
        self, authorization: str | None, brand_code: int, now: datetime
    ) -> list[Channel]:
        """Return the channels that the caller may read at the brand, or raise."""
        try:
            ticket = await self.gate.identify(authorization)
            head = await self.reader.read_head(brand_code)
            user = await self.gate.admit(ticket, head.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        brand = await self.directory.brand(brand_code, head.authority_version)
        if brand is None and user.role == "admin":
            raise ProblemError("UNKNOWN_BRAND")
        # A brand that does not exist answers everybody else like somebody else's.
        channels = [] if brand is None else _readable(user, brand, turkish_day(now))
        if not channels:
            raise ProblemError(
                "FORBIDDEN", "only the brand's provider, its partners with a right, and staff"
            )
        return channels

    async def _count(self, brand_code: int, begin: datetime, last: datetime) -> Counter[Likeness]:
        """Count in slices, so that no statement is a long one."""
        counts = Counter[Likeness]()
        window = await find_window(self.pool, brand_code, since=begin, until=last)
        if window is None:
            return counts
        for base in range(window.after, window.last + 1, _POSITIONS_AT_ONCE):
            before = min(base + _POSITIONS_AT_ONCE, window.last + 1)
            counts.update(
                await count_movements(self.pool, brand_code, from_base=base, before_base=before)
            )
        return counts


def _readable(user: UserRow, brand: BrandRow, today: date) -> list[Channel]:
    return [
        channel
        for channel in Channel
        if user.role == "admin" or may_read(user, brand, channel, today=today)
    ]


def _read_day(text: str, now: datetime) -> date:
    """Return the day that is asked for, by Turkey's calendar; a day that has not begun is refused."""
    today = turkish_day(now)
    if text == YESTERDAY:
        return today - timedelta(days=1)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise _day_refused("no such day; write YYYY-MM-DD, or yesterday") from None
    if not FIRST_DAY <= day <= today:
        raise _day_refused("no day that consents can be of, or one that has not begun")
    return day


def _day_refused(detail: str) -> ProblemError:
    return ProblemError("INVALID_FIELD", errors=[FieldError("/date", detail)])


def _rows(counts: Counter[Likeness], channels: Iterable[Channel]) -> Iterable[ReportRow]:
    """Give every combination its row, those of which there was nothing, too."""
    for channel in channels:
        for recipient_type in RecipientType:
            for source in SourceKind:
                of_registry = source is SourceKind.REGISTRY
                approvals, refusals, blocks = (
                    counts[Likeness(kind, channel.value, recipient_type.value, of_registry, status)]
                    for kind, status in (("CONSENT", "ONAY"), ("CONSENT", "RET"), ("BLOCK", "RET"))
                )
                yield ReportRow(channel, recipient_type, source, approvals, refusals, blocks)
