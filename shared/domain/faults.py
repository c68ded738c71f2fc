"""Everything a caller can do wrong with a consent: one class per fault, with its public code.

The codes are the regulator's (iys-api 12), so they are domain vocabulary and live here; HTTP
statuses and messages do not (`shared.web`). A fault says where in the request it is (`location`,
field name and perhaps an index inside it) and echoes the offending value where the wire does. A
batch adds the index of the item when it renders the fault.

A class name is a claim about the request, and its header carries the code, so that the whole
file reads as one table. Facts that a message needs and that the code alone does not fix (which
status the record has, how many are allowed) are fields of their own, by keyword only.

First come faults of the request as a whole, then of who is asking, then of the service itself,
and at the end those of a consent: fields missing, values unknown, addresses, dates, retailers,
lists, state.
"""

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from shared.domain.consent import Channel, IysCode, Status


class _Absent(Enum):
    """Neither None nor empty, because those are values that a caller may have sent."""

    MARK = "ABSENT"


ABSENT: Final = _Absent.MARK
"""There is no value to echo: the field was missing, or the fault is not about a field."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, as the wire names it."""

    code: ClassVar[str]
    location: tuple[str | int, ...] = ()
    value: object = ABSENT

    # 3.11 has no typing.override; slots=True below would make each class twice.
    def __init_subclass__(cls, *, code: str) -> None:  # type: ignore[explicit-override]
        cls.code = code


class RuleBrokenError(Exception):
    """A request broke rules; carries every fault, in the order in which they are shown."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(fault.code for fault in faults))
        self.faults = faults


class ProviderUnknown(Fault, code="H001"):
    """No provider has this `iysCode`."""


class BodyNotJson(Fault, code="H014"):
    """The body cannot be parsed at all."""


class BrandUnknown(Fault, code="H018"):
    """No brand of this provider has this `brandCode`."""


class AddRequestUnusable(Fault, code="H085"):
    """The body is JSON, but not one consent object."""


class ConsentQueryUnusable(Fault, code="H097"):
    """The body is JSON, but not one question about a consent."""


class ProviderCodeNotInteger(Fault, code="H190"):
    """`iysCode` in the path is not a number."""


class BrandCodeNotInteger(Fault, code="H191"):
    """`brandCode` in the path is not a number."""


@dataclass(frozen=True, kw_only=True)
class ValueMissing(Fault, code="H266"):
    """A code that the request must name is not in it; `name` is what it is called on the wire."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ValueEmpty(Fault, code="H267"):
    """A code is in the request, but as an empty string."""

    name: str


class TokenUnusable(Fault, code="H351"):
    """The access token is missing, forged or expired."""


@dataclass(frozen=True, kw_only=True)
class OutsideRights(Fault, code="H353"):
    """The provider, brand or retailer that the code called `name` points at is not theirs."""

    name: str


@dataclass(frozen=True, kw_only=True)
class RightMissing(Fault, code="H355"):
    """The caller may use this brand, but not for this."""

    right: str


class CallerOfWrongKind(Fault, code="H363"):
    """This endpoint is for another kind of user."""


@dataclass(frozen=True, kw_only=True)
class SubscriptionPaused(Fault, code="H520"):
    """Paused or expired, as `state` says: all that may be asked for is the subscription."""

    state: str


class SubscriptionClosed(Fault, code="H521"):
    """The provider's subscription has ended for good."""


@dataclass(frozen=True, kw_only=True)
class SubscriptionMissing(Fault, code="H524"):
    """The provider never subscribed."""

    iys_code: IysCode


class PackageWithoutApi(Fault, code="H586"):
    """The provider's package is for the screens only."""


class QuotaUsedUp(Fault, code="H525"):
    """The brand may not store more consents (R16). Never the answer to a refusal."""


@dataclass(frozen=True, kw_only=True)
class TokenLimitReached(Fault, code="H084"):
    """Too many token requests. Asking again does not start our penalty anew."""

    retry_after_s: int


@dataclass(frozen=True, kw_only=True)
class RequestLimitReached(Fault, code="H124"):
    """Too many requests in this second."""

    retry_after_s: int


class ServiceFailed(Fault, code="H015"):
    """We met something that we did not expect."""


class WriteFailed(Fault, code="H101"):
    """The consent could not be stored; the caller may send it again."""


class SearchFailed(Fault, code="H103"):
    """The record could not be looked up; the caller may ask again."""


class ServiceBusy(Fault, code="H123"):
    """More work waits than we take on."""


class RequestTimedOut(Fault, code="H192"):
    """The answer did not come in time; whether a write happened is not known."""


class OperationFailed(Fault, code="H470"):
    """This operation met something that it did not expect."""


class StatusMissing(Fault, code="H110"):
    """`status` is not there."""


class ChannelMissing(Fault, code="H111"):
    """`type` is not there."""


class ConsentDateMissing(Fault, code="H112"):
    """`consentDate` is not there, and the record is not a first TACIR one (R14)."""


class SourceMissing(Fault, code="H113"):
    """`source` is not there, and the record is not a first TACIR one (R14)."""


class RecipientMissing(Fault, code="H114"):
    """`recipient` is not there."""


class RecipientTypeMissing(Fault, code="H170"):
    """A question must say which of the two records of an address it means."""


class StatusUnknown(Fault, code="H115"):
    """`status` is neither ONAY nor RET."""


class RecipientTypeUnknown(Fault, code="H116"):
    """`recipientType` is neither BIREYSEL nor TACIR."""


class ChannelUnknown(Fault, code="H117"):
    """`type` is none of the three channels."""


class PropertyUnknown(Fault, code="H118"):
    """A consent has no such property (C12); the location is its name."""


class SourceUnknown(Fault, code="H119"):
    """`source` is not one that a provider may write, IYS_* included (R13)."""


class EmailMalformed(Fault, code="H120"):
    """The channel is EPOSTA and the recipient is no e-mail address."""


class PhoneMalformed(Fault, code="H121"):
    """The channel is a phone's and the recipient is no E.164 number in use."""


class RecipientMalformed(Fault, code="H122"):
    """The channel is unknown, and the recipient would suit none."""


class PhoneTooLong(Fault, code="H160"):
    """On a write: longer than a phone number can be."""


class QueriedPhoneTooLong(Fault, code="H166"):
    """In a question: longer than a phone number can be."""


@dataclass(frozen=True, kw_only=True)
class RecipientOfOtherKind(Fault, code="H464"):
    """A good address, but an e-mail on a phone's channel or the other way round."""

    channel: Channel


class Pre2015DateWrong(Fault, code="H155"):
    """HS_2015 stands for one date only (R8)."""


class DateBefore2015(Fault, code="H156"):
    """Older than the law (R7)."""


class DateImpossible(Fault, code="H157"):
    """Written as it should be, but no such moment exists (R9)."""


class DateFormatWrong(Fault, code="H158"):
    """Not `YYYY-MM-DD HH:mm:ss` (R9)."""


class DateInFuture(Fault, code="H162"):
    """Nobody has consented tomorrow (R6)."""


class ConsentTooLate(Fault, code="H467"):
    """Reported after the third business day (R10). A refusal still leaves a block entry (C13)."""


class ProviderDecisionGrants(Fault, code="H408"):
    """HS_KARAR is the provider's decision to stop: it may not agree for a person (R11)."""


class RetailerAccessEmpty(Fault, code="H163"):
    """`retailerAccess` is there without a retailer in it, or is no list."""


@dataclass(frozen=True, kw_only=True)
class TooManyRetailers(Fault, code="H126"):
    """`retailerAccess` is longer than the limit."""

    count_max: int


class RetailerUnknown(Fault, code="H180"):
    """No retailer of this provider has that code, or it is not even a retailer's code."""


class RecipientsMissing(Fault, code="H168"):
    """`recipients` is not there."""


class RecipientsNotList(Fault, code="H478"):
    """`recipients` is something else than a list."""


class RecipientsEmpty(Fault, code="H164"):
    """`recipients` names nobody."""


@dataclass(frozen=True, kw_only=True)
class TooManyRecipients(Fault, code="H127"):
    """`recipients` is longer than the limit."""

    count_max: int


class EntryRepeated(Fault, code="H193"):
    """The same recipient, or retailer, stands in one list twice; the location is the repeat's."""


class ConsentRepeated(Fault, code="H194"):
    """One batch holds the same recipient type, channel and recipient twice (R15, C9)."""


@dataclass(frozen=True, kw_only=True)
class AlreadyInThatStatus(Fault, code="H174"):
    """A refusal over a refusal changes nothing (R2, C2)."""

    current: Status


class FirstRecordIsRefusal(Fault, code="H175"):
    """There is nothing to withdraw (R1, C1). A block entry keeps the refusal (C13)."""


class DateNotLater(Fault, code="H178"):
    """The stored decision is as new or newer (R4, C4)."""


class UpdateWithoutDate(Fault, code="H462"):
    """Only the first TACIR record may leave `consentDate` out (R14, C8)."""


class UpdateWithoutSource(Fault, code="H463"):
    """Only the first TACIR record may leave `source` out (R14, C8)."""


class FirstRecordIsProviderDecision(Fault, code="H486"):
    """HS_KARAR revokes something, so it cannot stand first (R12, C6)."""


class ConsentUnknown(Fault, code="H401"):
    """There is no such record. We answer a single status question with it, too."""
