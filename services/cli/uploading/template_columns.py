"""What stands in the template: its columns, the words that each takes, and examples, for who fills it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.domain.wire_time import TURKEY

SHEET: Final = "İzinler"
NOTES_SHEET: Final = "Açıklamalar"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the field of a consent, its heading, and what is told about it."""

    field: str
    heading: str
    width: int
    explanation: str
    words: Sequence[str] = ()
    needed: bool = True


COLUMNS: Final = (
    Column(
        "recipient",
        "Alıcı",
        22,
        "Telefon numarası ya da e-posta adresi. Numara +90599 000 00 01, 0599 000 00 01 ya da 5990000001 gibi"
        " yazılabilir. Hücre biçimi Metin kalmalı; sayı olursa Excel numarayı yuvarlar.",
    ),
    Column(
        "type",
        "Tür",
        12,
        "İletinin kanalı. Her kanal için ayrı satır yazılır. SMS, Arama, E-posta da anlaşılır.",
        [channel.value for channel in Channel],
    ),
    Column(
        "status",
        "Durum",
        10,
        "Alıcının kararı. Bir adresin ilk kaydı RET olamaz (H175); yine de engel olarak saklanır.",
        [status.value for status in Status],
    ),
    Column(
        "source",
        "Kaynak",
        22,
        "İznin alındığı yer; aşağıdaki listeden.",
        [source.value for source in Source if source.from_provider],
    ),
    Column(
        "consentDate",
        "Tarih",
        20,
        "Kararın verildiği an, Türkiye saatiyle: 02.03.2026 14:05 ya da 2026-03-02 14:05:09. Üç iş gününden"
        " eski kayıtlar alınmaz (H467). HS_2015 için 01.05.2015 00:00:00 yazılır.",
    ),
    Column(
        "recipientType",
        "Alıcı Tipi",
        12,
        "BIREYSEL: tüketici; TACIR: tacir ya da esnaf. Boşsa BIREYSEL.",
        [kind.value for kind in RecipientType],
        needed=False,
    ),
)
MORE_COLUMNS: Final = (
    Column(
        "brandCode",
        "Marka Kodu",
        12,
        "Markanın kodu. Boşsa dosya gönderilirken söylenen marka geçerlidir.",
        needed=False,
    ),
    Column("retailerCode", "Bayi Kodu", 12, "İzni alan bayinin kodu.", needed=False),
    Column(
        "retailerAccess",
        "Bayi Erişimi",
        24,
        "İzni kullanabilecek bayilerin kodları, virgülle ayrılmış.",
        needed=False,
    ),
)
"""For files with several brands, and for brands with retailers."""

SOURCES: Final[dict[Source, str]] = {
    Source.PRE_2015: "1 Mayıs 2015'ten önce alınmış onay",
    Source.PROVIDER_DECISION: "Hizmet sağlayıcının kendi kararı; yalnızca RET ile, ilk kayıtta kullanılamaz",
    Source.PHYSICAL_PLACE: "Mağaza, şube gibi fiziksel ortam",
    Source.WET_SIGNATURE: "Islak imzalı form",
    Source.EVENT: "Etkinlik, fuar",
    Source.CASH_MACHINE: "ATM",
    Source.ELECTRONIC_PLACE: "Diğer elektronik ortam",
    Source.WEB: "İnternet sitesi",
    Source.MOBILE_APP: "Mobil uygulama",
    Source.SMS: "Kısa mesaj",
    Source.EMAIL: "E-posta",
    Source.CALL_CENTRE: "Çağrı merkezi",
    Source.SOCIAL_MEDIA: "Sosyal medya",
}
NOTES: Final = (
    "Örnek satırlar, kullanılmayan bir numara aralığındandır; silip yerlerine kendi satırlarınızı yazın.",
    "Sütunların sırası değişebilir; adları ilk satırda kalmalıdır. Bilinmeyen sütunlar okunmaz.",
    "Her hücre kendi değerini taşımalıdır: birleştirilmiş hücre okunmaz, formülün son değeri okunur.",
    "Hatalı satırlar dosyanın kalanını durdurmaz; her biri satır numarası, kodu ve açıklamasıyla bildirilir.",
    "Aynı dosya yeniden gönderilebilir; kaydedilmiş satırlar ikinci kez kaydedilmez.",
)

_EXAMPLE_NUMBER: Final = "0599 000 00 01"
Cell = str | datetime | None


def columns(*, full: bool) -> Sequence[Column]:
    """Return the template's columns; all that there are, or those that everybody needs."""
    return (*COLUMNS, *MORE_COLUMNS) if full else COLUMNS


def examples(now: datetime) -> list[dict[str, Cell]]:
    """Return two rows by field: somebody who approves, and changes their mind an hour later.

    The dates are recent, as old ones are refused; in Turkey's time and without a zone, as spreadsheets have
    them.
    """
    moment = now.astimezone(TURKEY).replace(second=0, microsecond=0, tzinfo=None)
    row: dict[str, Cell] = {
        "recipient": _EXAMPLE_NUMBER,
        "type": Channel.SMS.value,
        "recipientType": RecipientType.INDIVIDUAL.value,
    }
    return [
        {
            **row,
            "status": Status.GRANTED.value,
            "source": Source.WEB.value,
            "consentDate": moment - timedelta(hours=2),
        },
        {
            **row,
            "status": Status.WITHDRAWN.value,
            "source": Source.CALL_CENTRE.value,
            "consentDate": moment - timedelta(hours=1),
        },
    ]
