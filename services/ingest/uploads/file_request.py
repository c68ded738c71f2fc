"""What somebody asks for who sends a file: one reading for JSON, for a query and for tus metadata."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.ingest.faults.row_codes import RowCode
from services.ingest.reading.columns import FIELDS
from services.ingest.reading.dates import read_moment
from services.ingest.reading.words import word_of
from shared.domain.webhook_url import read_webhook_url

NAME_CHARS_MAX: Final = 255
MAPPING_MAX: Final = 100
COLUMN_CHARS_MAX: Final = 200
DEFAULT_FIELDS: Final = ("type", "source", "status", "recipientType", "consentDate")
_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")
_SECRET_BYTES: Final = range(24, 65)
_SUFFIX: Final = re.compile(r"\.([a-z0-9]{1,8}(?:\.gz)?)$")
# A column whose name is an address is the first row of a file without names; it must not be kept in clear.
_LOOKS_LIKE_AN_ADDRESS: Final = re.compile(r"@|(?:\d[ ()./-]*){9}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is to be called when the job has ended; without a secret one is made up."""

    url: str
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A file that somebody announces, in order. `size` in bytes; None: not known yet."""

    name: str
    size: int | None = None
    brand_code: int | None = None
    defaults: Mapping[str, str] = field(default_factory=dict[str, str])
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])
    dry_run: bool = False
    webhook: Webhook | None = None

    @property
    def suffix(self) -> str:
        """Return the end of the name that tells a format, such as `csv` or `csv.gz`; or nothing."""
        found = _SUFFIX.search(self.name.lower())
        return found[1] if found else ""


def read_name(text: str) -> str:
    """Return a file's name without folders; raises ValueError."""
    name = text.replace("\\", "/").rpartition("/")[2].strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise ValueError(f"a name of at most {NAME_CHARS_MAX} printable characters")
    return name


def read_default(name: str, text: str) -> str:
    """Return the wire's word for what holds for rows that do not say; raises ValueError."""
    if name == "consentDate":
        moment = read_moment(text)
        try:
            datetime.fromisoformat("" if isinstance(moment, RowCode) else moment)
        except ValueError:
            raise ValueError("not a date such as 2026-03-02 14:05:09") from None
        return str(moment)
    word = word_of(name, text)
    if word is None:
        raise ValueError("not a word for this field")
    return word


def read_mapping(raw: Mapping[str, str]) -> dict[str, str]:
    """Return which column stands for which field; raises ValueError."""
    if len(raw) > MAPPING_MAX:
        raise ValueError(f"at most {MAPPING_MAX} columns")
    for column, name in raw.items():
        if name not in FIELDS:
            raise ValueError(f"no such field; there are {', '.join(FIELDS)}")
        if not column.strip() or len(column) > COLUMN_CHARS_MAX or not column.isprintable():
            raise ValueError(f"a column's name has 1 to {COLUMN_CHARS_MAX} printable characters")
        if _LOOKS_LIKE_AN_ADDRESS.search(column):
            raise ValueError("a column is named by its name, and not by what stands in it")
    return dict(raw)


def read_webhook(url: str, secret: str | None, *, admit_http: bool) -> Webhook:
    """Return a webhook whose address and secret can be used; raises ValueError.

    What its name resolves to is looked at before each call. `admit_http` is for tests.
    """
    read = read_webhook_url(url)
    if read is None or (read.scheme != "https" and not admit_http):
        raise ValueError("not an https address")
    if secret is not None:
        try:
            raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if not _SECRET.fullmatch(secret) or len(raw) not in _SECRET_BYTES:
            raise ValueError("whsec_ and 24 to 64 bytes in base64")
    return Webhook(url, secret)
