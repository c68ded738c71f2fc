"""How a new consent meets the one on record: the heart of the registry (iys-api 4.10).

A record is a chain of decisions of one person towards one brand on one channel, each later than
the last. So a decision must be newer than what is stored (R4): an upload that arrives late must
never undo what the person decided meanwhile. Approval may follow approval, since that refreshes
the proof (R3); a refusal may not follow a refusal (R2), nor stand first (R1), for there is
nothing to withdraw.

HS_KARAR is the provider revoking by itself, so it has to meet something, too (R12). A merchant's
address may be put on record without date or source, because the law wants it on record before
anyone writes to it (B4) and there may be no decision yet; from the second record on both are
needed (R14).

In which order: a merchant's update that lacks its date or source is not complete enough to be
compared, so that comes first, source before date as in the wire's own list of fields. Then the
status (R2), then the dates, so that a refusal over a refusal is H174 whatever its date.

**Block entries** (C13). The wire turns some refusals away though a real person made them: as a
first record, after the third day, dated ahead of our clock (H162), in the same second as an
approval, or again after a refusal (H174). We answer as the wire does and keep the refusal:
`blocked_at` is the date of the newest such, and never later than when we heard of it. A block
denies until an approval with a later date. Repeating a refusal says something new
when its date is later: an approval from between the two must not undo the second one. What
leaves no block is a refusal that the person has since overruled (H178 with an earlier date), or
that the record already knows with this date or a later one.
"""

from datetime import datetime
from typing import NamedTuple

from shared.domain.consent import ConsentState, NewConsent, RecipientType, Source, Status
from shared.domain.faults import (
    AlreadyInThatStatus,
    ConsentTooLate,
    DateInFuture,
    DateNotLater,
    Fault,
    FirstRecordIsProviderDecision,
    FirstRecordIsRefusal,
    UpdateWithoutDate,
    UpdateWithoutSource,
)


class CounterChange(NamedTuple):
    """How a brand's counts move: keys that are now ONAY, and keys that are now RET."""

    approvals: int
    rejections: int


def judge(current: ConsentState | None, new: NewConsent) -> Fault | None:
    """Say what forbids `new` to follow `current`, if anything (R1–R5, R12, R14, R20; C1–C8)."""
    if current is None or current.status is None:
        return _judge_first(new)
    if new.recipient_type is RecipientType.MERCHANT:
        if new.source is None:
            return UpdateWithoutSource()
        if new.consent_date is None:
            return UpdateWithoutDate()
    if current.status is Status.WITHDRAWN and new.status is Status.WITHDRAWN:
        return AlreadyInThatStatus(current=current.status)
    return None if _is_later(new.consent_date, than=current.consent_date) else DateNotLater()


def leaves_block(new: NewConsent, fault: Fault, current: ConsentState | None) -> bool:
    """Tell whether a refusal that was turned away with `fault` must be kept all the same (C13)."""
    if new.status is not Status.WITHDRAWN:
        return False
    match fault:
        case FirstRecordIsRefusal() | FirstRecordIsProviderDecision():
            return True
        case ConsentTooLate() | DateInFuture():
            return True
        case DateNotLater():
            return current is not None and new.consent_date == current.consent_date
        case AlreadyInThatStatus():
            return current is not None and _is_later(new.consent_date, than=current.consent_date)
        case _:  # an open set: every other fault means that there was no good refusal
            return False


def block_date(new: NewConsent, *, now: datetime) -> datetime:
    """Date a block by the person's decision, but no later than when we heard of it (C13)."""
    return now if new.consent_date is None else min(new.consent_date, now)


def is_blocked(state: ConsentState) -> bool:
    """Tell whether a block denies: only an approval with a later date ends one (C13).

    An undated approval cannot be shown to be later, so it does not.
    """
    if state.blocked_at is None:
        return False
    if state.status is not Status.GRANTED or state.consent_date is None:
        return True
    return state.consent_date <= state.blocked_at


def after_record(current: ConsentState | None, new: NewConsent) -> ConsentState:
    """Return the state once `new` is stored.

    A block that `new` ends stays as history and no longer denies, so replaying the movements in
    their order gives the live state again.
    """
    return ConsentState(
        status=new.status,
        consent_date=new.consent_date,
        blocked_at=None if current is None else current.blocked_at,
    )


def after_block(current: ConsentState | None, blocked_at: datetime) -> ConsentState:
    """Return the state once a block is stored; of two blocks the later one decides (C13)."""
    if current is None:
        return ConsentState(status=None, consent_date=None, blocked_at=blocked_at)
    if current.blocked_at is not None:
        blocked_at = max(blocked_at, current.blocked_at)
    return ConsentState(current.status, current.consent_date, blocked_at)


def counts(current: ConsentState | None, new: NewConsent) -> CounterChange:
    """Say how storing `new` moves the brand's counts; ONAY over ONAY moves none, nor do blocks."""
    before = None if current is None else current.status
    return CounterChange(
        approvals=(new.status is Status.GRANTED) - (before is Status.GRANTED),
        rejections=(new.status is Status.WITHDRAWN) - (before is Status.WITHDRAWN),
    )


def _judge_first(new: NewConsent) -> Fault | None:
    """Let an approval begin the record (R1); a provider's decision has nothing to revoke (R12)."""
    if new.source is Source.PROVIDER_DECISION:
        return FirstRecordIsProviderDecision()
    return FirstRecordIsRefusal() if new.status is Status.WITHDRAWN else None


def _is_later(moment: datetime | None, *, than: datetime | None) -> bool:
    """Compare strictly (R4); a record without a date has nothing to compare with (R20)."""
    if moment is None or than is None:
        return than is None
    return moment > than
