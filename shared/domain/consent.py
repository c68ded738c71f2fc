"""The words of a consent: channel, recipient type, status, source, and the key they form.

Enum values are the official Turkish words of the wire (iys-api 13) and of the database;
names are English. A consent is identified by (recipient, brand, channel, recipient type):
one address may hold a BIREYSEL and a TACIR record at one brand, and they are independent (B6).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple, NewType

BrandCode = NewType("BrandCode", int)
IysCode = NewType("IysCode", int)
RetailerCode = NewType("RetailerCode", int)


class Channel(Enum):
    """`type` on the wire: how the message reaches the person."""

    CALL = "ARAMA"
    SMS = "MESAJ"
    EMAIL = "EPOSTA"


class RecipientType(Enum):
    """BIREYSEL must approve before the first message, TACIR may be written to until it refuses."""

    INDIVIDUAL = "BIREYSEL"
    MERCHANT = "TACIR"


class Status(Enum):
    """What the person decided."""

    GRANTED = "ONAY"
    WITHDRAWN = "RET"


class Source(Enum):
    """Where the decision was taken: HS_* comes from providers, IYS_* from the registry (c.2)."""

    PRE_2015 = "HS_2015"
    PROVIDER_DECISION = "HS_KARAR"
    PHYSICAL_PLACE = "HS_FIZIKSEL_ORTAM"
    WET_SIGNATURE = "HS_ISLAK_IMZA"
    EVENT = "HS_ETKINLIK"
    CASH_MACHINE = "HS_ATM"
    ELECTRONIC_PLACE = "HS_EORTAM"
    WEB = "HS_WEB"
    MOBILE_APP = "HS_MOBIL"
    SMS = "HS_MESAJ"
    EMAIL = "HS_EPOSTA"
    CALL_CENTRE = "HS_CAGRI_MERKEZI"
    SOCIAL_MEDIA = "HS_SOSYAL_MEDYA"
    REGISTRY_WEB = "IYS_WEB"
    REGISTRY_WEB_FIRST = "IYS_WEB_YENI"
    REGISTRY_MOBILE = "IYS_MOBIL"
    REGISTRY_VOICE = "IYS_CM"
    REGISTRY_SHORT_NUMBER = "IYS_KISAMESAJ"
    REGISTRY_EMAIL = "IYS_EPOSTA"
    REGISTRY_LINE_CLOSED = "IYS_AHS_HAT_KAPATMA"
    REGISTRY_FRAME_EMAIL = "IYS_FRAME_EPOSTA"
    REGISTRY_FRAME_SMS = "IYS_FRAME_SMS"

    @property
    def from_provider(self) -> bool:
        """A provider may write it; the others are reserved to the registry (R13)."""
        return self.value.startswith("HS_")


class NewConsent(NamedTuple):
    """A well-formed consent as somebody asked to record it; state rules are not applied yet.

    `recipient` is normalised: E.164 with its plus sign, or a lower-case e-mail address.
    `consent_date` is in UTC; it and `source` may be absent on a first TACIR record only (R14).
    """

    recipient: str
    channel: Channel
    recipient_type: RecipientType
    status: Status
    source: Source | None
    consent_date: datetime | None
    retailer_code: RetailerCode | None = None
    retailer_access: tuple[RetailerCode, ...] = ()


@dataclass(frozen=True, slots=True)
class ConsentState:
    """The current state of one key, as the ledger derives it.

    `status` is None when the key has no record but a block entry (`blocked_at`, C13): a refusal
    that the wire rules turned away and that nobody may forget. Both times are in UTC.
    """

    status: Status | None
    consent_date: datetime | None
    blocked_at: datetime | None
