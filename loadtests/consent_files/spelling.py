"""How people and their programs write numbers, moments and words into cells."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

EXCEL_DAY_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001  # local time, as a cell is
SECONDS_A_DAY: Final = 86_400

PHONES: Final[Sequence[Callable[[str], str]]] = (
    lambda n: f"0{n[3:6]} {n[6:9]} {n[9:11]} {n[11:]}",
    lambda n: f"{n[3:6]} {n[6:9]} {n[9:11]} {n[11:]}",
    lambda n: n[3:],
    lambda n: f"0{n[3:]}",
    lambda n: n[1:],
    lambda n: f"+90 ({n[3:6]}) {n[6:9]} {n[9:11]} {n[11:]}",
    lambda n: f"+90-{n[3:6]}-{n[6:9]}-{n[9:]}",
    lambda n: f"(0{n[3:6]}) {n[6:9]} {n[9:]}",
    lambda n: f"0090{n[3:]}",
    lambda n: f"+900{n[3:]}",
    lambda n: f" {n}\u00a0",
    lambda n: f"{n[3:]}.0",
)
"""Spellings of one number, given as E.164; each can be read."""

MOMENTS: Final[Sequence[Callable[[datetime], str]]] = (
    lambda m: f"{m:%d.%m.%Y %H:%M:%S}",
    lambda m: f"{m:%d/%m/%Y %H:%M:%S}",
    lambda m: f"{m:%d-%m-%Y %H:%M:%S}",
    lambda m: f"{m.day}.{m.month}.{m.year} {m.hour}:{m:%M:%S}",
    lambda m: f"{m:%Y-%m-%dT%H:%M:%S}",
    lambda m: f"{m:%Y/%m/%d %H:%M:%S}",
    lambda m: f" {m:%Y-%m-%d %H:%M:%S}",
)
"""Spellings of one moment, to the second."""

CHANNELS: Final = {
    "MESAJ": ("Mesaj", "SMS", "sms", "Kısa Mesaj", "mesaj "),
    "ARAMA": ("Arama", "arama", "Telefon", "Call"),
    "EPOSTA": ("E-posta", "e-mail", "Eposta", "E-POSTA"),
}
_CHANNEL_OF: Final = {word: name for name, words in CHANNELS.items() for word in (name, *words)}
STATUSES: Final = {
    "ONAY": ("Onay", "onay", "Evet", "Kabul", "approved"),
    "RET": ("Ret", "red", "Hayır", "HAYIR", "rejected"),
}
RECIPIENT_TYPES: Final = {
    "BIREYSEL": ("Bireysel", "bireysel", "individual"),
    "TACIR": ("Tacir", "Esnaf", "merchant"),
}
SOURCES: Final = {
    "HS_WEB": ("Web", "hs web", "HS-WEB"),
    "HS_CAGRI_MERKEZI": ("Çağrı Merkezi", "çağrı merkezi", "HS_ÇAĞRI_MERKEZİ"),
    "HS_ISLAK_IMZA": ("Islak İmza", "ıslak imza"),
}


def channel_of(word: str) -> str:
    """Return the wire's word for one of `CHANNELS`, or for itself."""
    return _CHANNEL_OF[word]


def scientific(number: str) -> str:
    """Return the ten digits of a number as Excel shows them in a wide column: nothing is lost."""
    digits = number[3:]
    return f"{digits[0]}.{digits[1:]}E+09"


def rounded(number: str) -> str:
    """Return them as Excel shows them in a narrow column: digits are lost."""
    return f"{number[3]},{number[4:6]}E+09"


def serial(moment: datetime) -> float:
    """Return a moment as Excel counts: days since the end of 1899, exact to the second."""
    return round((moment - EXCEL_DAY_ZERO).total_seconds() / SECONDS_A_DAY, 8)
