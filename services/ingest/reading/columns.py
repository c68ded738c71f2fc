"""What columns of a file are called, in Turkish and in English, and which field of a consent each is."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

# The layout of the registry's own upload tool, which has no header.
HEADLESS: Final = ("type", "source", "recipient", "status", "consentDate", "recipientType")

# Without case and marks. Where several columns stand for a field, the name that comes first here has it.
NAMES: Final[Mapping[str, Sequence[str]]] = {
    field: names.split(", ")
    for field, names in {
        "recipient": "recipient, alici, alici adresi, alici bilgisi, iletisim adresi, iletisim bilgisi, "
        "msisdn, gsm, gsm no, cep telefonu, cep no, cep, mobile, telefon numarasi, telefon no, telefon, "
        "tel no, tel, phone number, phone, eposta adresi, e posta adresi, eposta, e posta, email, e mail, "
        "mail, numara",
        "type": "type, izin turu, izin tipi, tur, tip, kanal, channel, ileti turu",
        "status": "status, izin durumu, onay durumu, durum, onay, izin",
        "source": "source, izin kaynagi, kaynak",
        "consentDate": "consentdate, consent date, izin tarihi, onay tarihi, onay ret tarihi, izin zamani, "
        "tarih, tarih saat, date",
        "recipientType": "recipienttype, recipient type, alici tipi, alici turu, musteri tipi",
        "retailerCode": "retailercode, retailer code, bayi kodu, bayi no, bayi iys no, bayi",
        "retailerAccess": "retaileraccess, retailer access, bayi erisimi, erisimli bayiler",
        "brandCode": "brandcode, brand code, marka kodu, marka no, marka iys no, marka",
    }.items()
}
FIELDS: Final = tuple(NAMES)
_TURKISH: Final = str.maketrans("ıİşŞğĞçÇöÖüÜ", "iissggccoouu")
# What no column is called: an address, a number, a word of the wire.
_DATA: Final = re.compile(r"@|(?:\d[ ()./-]*){7}|^\s*HS_")


def plain(text: str) -> str:
    """Return a name without case, marks and signs: `Alıcı Adresi *` becomes `alici adresi`."""
    folded = unicodedata.normalize("NFKD", text.translate(_TURKISH).casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]+", " ", letters).strip()


def columns_of(header: Sequence[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Return the place of each field's column; `mapping` names columns as the file writes them.

    Raises KeyError with the name of a mapped column that the file does not have, ValueError with a field that
    there is not.
    """
    places: dict[str, int] = {}
    names = [plain(name) for name in header]
    for column, field in mapping.items():
        if field not in NAMES:
            raise ValueError(field)
        if plain(column) not in names:
            raise KeyError(column)
        places[field] = names.index(plain(column))
    mapped = set(places.values())
    for field, called in NAMES.items():
        found = [names.index(name) for name in called if name in names]
        free = [place for place in found if place not in mapped]
        if free and field not in places:
            places[field] = free[0]
    return places


def looks_like_data(cells: Sequence[str]) -> bool:
    """Say whether one of the cells cannot be the name of a column."""
    return any(_DATA.search(cell) for cell in cells)
