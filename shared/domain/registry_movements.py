"""What the registry itself writes (`IYS_*`): decisions of citizens, and lines that were closed.

A citizen decides here and now, so the rules for providers do not apply. Nothing can be too late (R10). A
refusal may stand first (R1): who refuses at a brand that has not recorded anything must be heard by it, so
that is a record, which denies, and which the brand's feed shows; a block would tell nobody. HS_KARAR has no
place here.

Saying again what is on record is no mistake, and changes nothing. Only the repeated refusal must leave
something, as for providers (C13): a grant from between the two must not undo the second one. So it is kept
as a block.

Dates. A record is dated in whole seconds, as the wire writes dates: a provider that dates a refusal in the
same second must meet an equal date, or its refusal would be lost (C13). It is never earlier than what is on
record, and a grant is later than everything that it has to overrule; so a date may be a second ahead.

**A closed line** (E11) takes all consents of a number with it, so that the next owner does not inherit them.
Which consents are the previous owner's? Those decided until the line was closed; a later one is the next
owner's, and stays. A decision is no later than the day on which we heard of it, whatever date it bears. The
refusal carries the last known date of the record, or none (iys-api 4.9). Such a date would let in whatever a
provider dates between it and the closure, for a person who no longer has the number. So there is a block
besides, dated with the closure; and it comes first, because it denies.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from shared.domain.consent import ConsentState, NewConsent, RecipientType, Source, Status
from shared.domain.transitions import is_blocked
from shared.domain.wire_time import consent_date_to_wire

CITIZEN_NAME_SHOWN_FOR: Final = timedelta(days=7)
"""How long a brand sees the name of a citizen who added it for the first time (c.1)."""
_SECOND: Final = timedelta(seconds=1)
_REFERENCE: Final = re.compile(r"[\w .,:/#()-]{1,64}")
_LONG_NUMBER: Final = re.compile(r"\d{7}")


class Effect(Enum):
    """What a decision does to the record. The values are the words of the audit."""

    RECORDED = "RECORDED"
    KEPT = "KEPT"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is to be written: `consent` as a record (RECORDED), as a block (KEPT), or not at all."""

    effect: Effect
    consent: NewConsent


def unfit(status: Status, source: Source, citizen_name: str | None) -> str | None:
    """Say why these cannot stand together on a citizen's decision, or None (R13, E11)."""
    if source.from_provider:
        return "is a provider's, not the registry's own"
    if source is Source.REGISTRY_LINE_CLOSED:
        return "is written when an operator reports a line as closed"
    if source is Source.REGISTRY_WEB_FIRST and status is not Status.GRANTED:
        return "stands for a first grant, not for a refusal"
    if citizen_name is not None and source is not Source.REGISTRY_WEB_FIRST:
        return "comes without a name: only a first grant (IYS_WEB_YENI) has one"
    return None


def is_reference(text: str) -> bool:
    """Tell whether this may stand in the audit: a case number, say, and no room for an address."""
    return _REFERENCE.fullmatch(text) is not None and not _LONG_NUMBER.search(text)


def rule(current: ConsentState | None, asked: NewConsent, *, now: datetime) -> Ruling:
    """Say what a citizen's decision, made at `now`, does to what is on file (C1–C4, C13)."""
    if asked.status is Status.WITHDRAWN:
        return _rule_refusal(current, asked, now)
    if current is None or current.status is None:
        return _recorded(asked, after=current, now=now)
    if current.status is Status.GRANTED and not is_blocked(current):
        return Ruling(Effect.UNCHANGED, asked)
    # The brand is known to this person by now: a first grant it is not.
    source = Source.REGISTRY_WEB if asked.source is Source.REGISTRY_WEB_FIRST else asked.source
    return _recorded(asked._replace(source=source), after=current, now=now)


def _rule_refusal(current: ConsentState | None, asked: NewConsent, now: datetime) -> Ruling:
    if current is None or current.status is not Status.WITHDRAWN:
        return _recorded(asked, after=current, now=now)
    known = [moment for moment in (current.consent_date, current.blocked_at) if moment is not None]
    if known and max(known) >= now:
        return Ruling(Effect.UNCHANGED, asked)
    return Ruling(Effect.KEPT, asked._replace(consent_date=now))


def _recorded(asked: NewConsent, *, after: ConsentState | None, now: datetime) -> Ruling:
    """Date a record: now, but in the order of what is on file; a grant after all that it overrules."""
    decided = None if after is None else after.consent_date
    overruled = None if after is None else after.blocked_at
    dates = [now.replace(microsecond=0)]
    if asked.status is Status.GRANTED:
        dates += [
            moment.replace(microsecond=0) + _SECOND
            for moment in (decided, overruled)
            if moment is not None
        ]
    elif decided is not None:
        dates.append(decided)
    return Ruling(Effect.RECORDED, asked._replace(consent_date=max(dates)))


class ClosingStep(Enum):
    """What a consent of a closed line needs next."""

    BLOCK = "BLOCK"
    REFUSAL = "REFUSAL"


def next_closing_step(
    state: ConsentState, *, recorded_at: datetime | None, closed_at: datetime
) -> ClosingStep | None:
    """Say what a consent still needs, of a line that was closed at `closed_at`; None: nothing (E11).

    `recorded_at` is when the record was stored, None where there is a block alone. Taking the steps one
    after the other comes to an end, and asking again afterwards finds nothing.
    """
    if state.status is not None and _decided_at(state, recorded_at) > closed_at:
        return None  # the next owner's
    if state.blocked_at is None or state.blocked_at < closed_at:
        return ClosingStep.BLOCK
    return ClosingStep.REFUSAL if state.status is Status.GRANTED else None


def _decided_at(state: ConsentState, recorded_at: datetime | None) -> datetime:
    """Date a record by the person's decision, but no later than when we heard of it."""
    assert recorded_at is not None, "a record was stored at some time"  # noqa: S101  # the ledger's rule
    return recorded_at if state.consent_date is None else min(state.consent_date, recorded_at)


def decided_at_to_wire(
    consent_date: datetime | None, *, source: str | None, recipient_type: str
) -> str | None:
    """Write the date of a movement for those who are told of it; None leaves it out.

    A merchant's closed line whose record never had a date has it empty (iys-api 4.9).
    """
    if consent_date is not None:
        return consent_date_to_wire(consent_date)
    closed = source == Source.REGISTRY_LINE_CLOSED.value
    return "" if closed and recipient_type == RecipientType.MERCHANT.value else None
