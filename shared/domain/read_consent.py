"""Reading one consent of the wire: everything that can be said without looking at the ledger.

The shape and the codes are the published ones (iys-api 4.1). Each field reports its first broken
rule only, several fields report together, and they do so in the order recipient, type, source,
status, consentDate, recipientType, retailerCode, retailerAccess, unknown properties. Two
exceptions are part of the wire: an over-long phone has two codes, and an empty `retailerCode` is
refused on the spot.

Where the publication is silent:

- Optional means absent. A null or "" is refused like any other unfit value of that field (C12):
  the caller's program has a hole where it believes to have a value. So `recipientType: null` is
  H116, `retailerAccess: null` H163, `retailerCode: null` H180, `consentDate: ""` H158.
- While `type` is unknown, a recipient is refused (H122) only if no channel would take it. While
  `recipientType` is unknown, nobody can say that a source or date is missing (R14), so nobody
  does.

A refusal that came too late is still a refusal, and so is one from a clock that runs ahead. The
reading therefore carries the consent also when H467 or H162 is the only fault, so that the caller
can keep a block entry before it answers (C13).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.consent import Channel, NewConsent, RecipientType, Source, Status
from shared.domain.decision import DEFAULT_RECIPIENT_TYPE
from shared.domain.faults import (
    ABSENT,
    AddRequestUnusable,
    ConsentTooLate,
    DateInFuture,
    PropertyUnknown,
    ProviderDecisionGrants,
    RecipientMissing,
    SourceMissing,
    SourceUnknown,
    StatusMissing,
    StatusUnknown,
    ValueEmpty,
)
from shared.domain.read_date import read_date
from shared.domain.read_retailers import read_access, read_retailer
from shared.domain.read_words import (
    Body,
    Faults,
    is_object,
    read_channel,
    read_recipient_type,
    read_word,
)
from shared.domain.recipient import (
    Purpose,
    is_address_of_any_kind,
    read_recipient,
    recipient_fault,
)
from shared.domain.write_policy import WritePolicy

_STATUSES: Final[Mapping[str, Status]] = {word.value: word for word in Status}
_SOURCES: Final[Mapping[str, Source]] = {word.value: word for word in Source if word.from_provider}

_PROPERTIES: Final = frozenset(
    {
        "recipient",
        "type",
        "source",
        "status",
        "consentDate",
        "recipientType",
        "retailerCode",
        "retailerAccess",
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of one consent: accepted for now if there are no faults.

    `consent` is there without faults, and with a sole H467 or H162; with any other fault it is None.
    """

    consent: NewConsent | None
    faults: Faults


def read_consent(body: object, *, policy: WritePolicy, now: datetime) -> Reading:
    """Apply every rule that needs no ledger (R6–R11, R13, R17, R19; C5–C7, C12) at `now`."""
    if not is_object(body):
        return Reading(None, (AddRequestUnusable(),))
    if body.get("retailerCode") == "":
        return Reading(None, (ValueEmpty(name="retailerCode"),))
    kind, kind_faults = _read_kind(body)
    may_omit = kind is not RecipientType.INDIVIDUAL
    channel, channel_faults = read_channel(body)
    recipient, recipient_faults = _read_recipient(body, channel, policy)
    source, source_faults = _read_source(body, may_omit=may_omit)
    status, status_faults = _read_status(body, source)
    date, date_faults = read_date(body, source, policy, may_omit=may_omit, now=now)
    collector, collector_faults = read_retailer(body)
    access, access_faults = read_access(body, count_max=policy.retailer_access_max)
    faults = (
        *(*recipient_faults, *channel_faults, *source_faults, *status_faults, *date_faults),
        *(*kind_faults, *collector_faults, *access_faults, *_unknown_properties(body)),
    )
    is_unfit = any(not isinstance(fault, (ConsentTooLate, DateInFuture)) for fault in faults)
    if is_unfit or recipient is None or channel is None or kind is None or status is None:
        return Reading(None, faults)
    return Reading(
        NewConsent(recipient, channel, kind, status, source, date, collector, access), faults
    )


def _read_kind(body: Body) -> tuple[RecipientType | None, Faults]:
    """Read the recipient type, whose absence means BIREYSEL (B6)."""
    if "recipientType" not in body:
        return DEFAULT_RECIPIENT_TYPE, ()
    return read_recipient_type(body, missing=None)


def _read_source(body: Body, *, may_omit: bool) -> tuple[Source | None, Faults]:
    """Take a provider's words only; IYS_* are the registry's own (R13)."""
    missing = None if may_omit else SourceMissing
    return read_word(body, "source", _SOURCES, missing, SourceUnknown)


def _read_status(body: Body, source: Source | None) -> tuple[Status | None, Faults]:
    """Read the status; a provider's own decision may only be a refusal (R11, C6)."""
    status, faults = read_word(body, "status", _STATUSES, StatusMissing, StatusUnknown)
    if source is Source.PROVIDER_DECISION and status is Status.GRANTED:
        return None, (ProviderDecisionGrants(("status",), status.value),)
    return status, faults


def _read_recipient(
    body: Body, channel: Channel | None, policy: WritePolicy
) -> tuple[str | None, Faults]:
    """Read the address for its channel, or for any while the channel is unknown."""
    raw = body.get("recipient", ABSENT)
    if raw is ABSENT:
        return None, (RecipientMissing(("recipient",)),)
    if not isinstance(raw, str):
        return None, (recipient_fault(raw, channel),)
    admit = policy.admit_test_range
    if channel is None:
        known = is_address_of_any_kind(raw, admit_test_range=admit)
        return None, () if known else (recipient_fault(raw, None),)
    read = read_recipient(raw, channel, purpose=Purpose.WRITE, admit_test_range=admit)
    return (read, ()) if isinstance(read, str) else (None, read)


def _unknown_properties(body: Body) -> Faults:
    """Name each property that a consent does not have (C12)."""
    return tuple(
        PropertyUnknown((name,), value) for name, value in body.items() if name not in _PROPERTIES
    )
