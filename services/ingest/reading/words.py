"""Words as people write them in the cells of a file, and the wire's word for each."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.ingest.reading.columns import plain
from shared.domain.consent import Channel, RecipientType, Source, Status

_WORDS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "type": {
        Channel.SMS.value: ("mesaj", "sms", "kisa mesaj", "message"),
        Channel.CALL.value: ("arama", "call", "telefon", "sesli arama", "cagri"),
        Channel.EMAIL.value: ("eposta", "e posta", "email", "e mail", "mail"),
    },
    "status": {
        Status.GRANTED.value: (
            "onay",
            "evet",
            "kabul",
            "izinli",
            "onayli",
            "approved",
            "yes",
            "granted",
        ),
        Status.WITHDRAWN.value: (
            "ret",
            "red",
            "hayir",
            "izinsiz",
            "reddetti",
            "rejected",
            "no",
            "withdrawn",
        ),
    },
    "recipientType": {
        RecipientType.INDIVIDUAL.value: ("bireysel", "birey", "sahis", "individual"),
        RecipientType.MERCHANT.value: ("tacir", "esnaf", "tacir esnaf", "kurumsal", "merchant"),
    },
    "source": {
        source.value: (plain(source.value), plain(source.value.removeprefix("HS_")))
        for source in Source
        if source.from_provider
    },
}
WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    field: {name: word for word, names in words.items() for name in names}
    for field, words in _WORDS.items()
}
"""By field: what is written, without case and marks, and the wire's word."""


def word_of(field: str, written: str) -> str | None:
    """Return the wire's word for what is written, or None where nobody knows it."""
    return WORDS[field].get(plain(written))
