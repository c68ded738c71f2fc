"""What is told of a row that was turned away: the codes of files, and explanations for whoever made the file.

Codes that begin with H are the wire's, with its texts. The others are of files alone.
"""

from enum import Enum
from typing import Final

from shared.domain.faults import (
    AlreadyInThatStatus,
    ConsentTooLate,
    DateInFuture,
    Fault,
    FirstRecordIsRefusal,
    RetailerUnknown,
)
from shared.web.iys_messages import text_of


class RowCode(Enum):
    """Why a row cannot be read; the value is the code, and the text below explains it."""

    ROW_BROKEN = "ROW_BROKEN"
    PHONE_UNREADABLE = "PHONE_UNREADABLE"
    PHONE_ROUNDED = "PHONE_ROUNDED"
    DATE_UNREADABLE = "DATE_UNREADABLE"
    CELL_MERGED = "CELL_MERGED"
    CELL_IN_ERROR = "CELL_IN_ERROR"
    BRAND_MISSING = "BRAND_MISSING"


TEXTS: Final = {
    RowCode.ROW_BROKEN: "Satırın hücre sayısı başlıktakinden farklı; ayraç ya da tırnak hatası olabilir.",
    RowCode.PHONE_UNREADABLE: "Telefon numarası okunamadı. Örnek: +905XXXXXXXXX ya da 05XX XXX XX XX.",
    RowCode.PHONE_ROUNDED: "Numara Excel'de yuvarlanmış (5,32E+09 gibi); sütunu metin yapıp yeniden yazın.",
    RowCode.DATE_UNREADABLE: "Tarih okunamadı. Örnek: 2026-03-02 14:05:09 ya da 02.03.2026 14:05.",
    RowCode.CELL_MERGED: "Hücre birleştirilmiş; birleştirmeyi kaldırıp her satıra kendi değerini yazın.",
    RowCode.CELL_IN_ERROR: "Hücredeki formül hata veriyor ya da değeri okunamıyor.",
    RowCode.BRAND_MISSING: "Satırda marka numarası (brandCode) yok ve dosya için de verilmedi.",
}
_KEPT: Final = " Ret kaydı engel olarak saklandı; bu adrese ileti gönderilemez."
_KEEPS_REFUSAL: Final = (
    FirstRecordIsRefusal,
    ConsentTooLate,
    DateInFuture,
    AlreadyInThatStatus,
    RetailerUnknown,
)


def explain(fault: Fault) -> tuple[str | None, str, str]:
    """Return column, code and explanation of a fault of the wire."""
    column = str(fault.location[0]) if fault.location else None
    return column, fault.code, text_of(fault, fault.code)


def explain_code(code: RowCode) -> tuple[str, str]:
    """Return code and explanation of a fault that only files have."""
    return code.value, TEXTS[code]


def explain_refusal(fault: Fault) -> tuple[str | None, str, str]:
    """Likewise for a refusal: where it is kept as a block all the same, the explanation says so."""
    column, code, text = explain(fault)
    return column, code, text + _KEPT if isinstance(fault, _KEEPS_REFUSAL) else text
