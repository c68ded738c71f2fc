"""The headers of resumable uploads: tus 1.0.0 (tus.io), and Content-Range of a PUT (RFC 9110, 14.4)."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.ingest.uploads.file_request import DEFAULT_FIELDS
from shared.web.problems import ProblemError

VERSION: Final = "1.0.0"
TUS: Final = {"Tus-Resumable": VERSION}
MEDIA_TYPE: Final = "application/offset+octet-stream"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_ASKED: Final = re.compile(r"bytes \*/(?:[0-9]{1,18}|\*)")
_METADATA_CHARS_MAX: Final = 8_192


@dataclass(frozen=True, slots=True)
class ContentRange:
    """Which bytes a body is, and of how many, if that is known; `length` 0 only asks how far it is."""

    start: int
    length: int
    total: int | None


def require_version(headers: Mapping[str, str]) -> None:
    """Raise TUS_VERSION for a version that is not ours; who names none is no tus client."""
    if headers.get("tus-resumable", VERSION) != VERSION:
        raise ProblemError("TUS_VERSION", headers={"Tus-Version": VERSION})


def number_of(headers: Mapping[str, str], name: str) -> int | None:
    """Return the number in a header, None where there is none; raises BAD_REQUEST."""
    text = headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise ProblemError("BAD_REQUEST", f"{name} is no number")
    return int(text)


def range_of(headers: Mapping[str, str]) -> ContentRange | None:
    """Return the range that a body is of, None where it is everything; raises BAD_REQUEST."""
    text = headers.get("content-range")
    if text is None:
        return None
    if _ASKED.fullmatch(text):
        return ContentRange(0, 0, None)
    found = _RANGE.fullmatch(text)
    first, last = (int(found[1]), int(found[2])) if found else (1, 0)
    total = int(found[3]) if found and found[3] != "*" else None
    if last < first or (total is not None and last >= total):
        raise ProblemError("BAD_REQUEST", "Content-Range is not bytes FIRST-LAST/TOTAL")
    length = number_of(headers, "content-length")
    if length is not None and length != last - first + 1:
        raise ProblemError("BAD_REQUEST", "Content-Range and Content-Length do not agree")
    return ContentRange(first, last - first + 1, total)


def is_creation(headers: Mapping[str, str]) -> bool:
    """Say whether a tus client creates an upload, and not somebody who sends JSON."""
    return "upload-length" in headers or "upload-metadata" in headers


def creation_of(headers: Mapping[str, str]) -> dict[str, object]:
    """Return what a tus client says of its file, as JSON would; raises BAD_REQUEST."""
    size = number_of(headers, "upload-length")
    if size is None:
        raise ProblemError("BAD_REQUEST", "Upload-Length is missing")
    metadata = _metadata(headers.get("upload-metadata", ""))
    return {**said_of(metadata), "name": metadata.get("filename", "upload"), "size": size}


def said_of(given: Mapping[str, str]) -> dict[str, object]:
    """Return what is said of a file in texts, by a query or in metadata, as JSON would say it."""
    said: dict[str, object] = {}
    defaults = {name: given[name] for name in DEFAULT_FIELDS if name in given}
    if defaults:
        said["defaults"] = defaults
    if "brandCode" in given:
        said["brandCode"] = given["brandCode"]
    if "dryRun" in given:
        said["dryRun"] = given["dryRun"]
    return said


def _metadata(text: str) -> dict[str, str]:
    """Read `name base64,name base64`; a name may stand alone."""
    if len(text) > _METADATA_CHARS_MAX:
        raise ProblemError("BAD_REQUEST", "Upload-Metadata is too long")
    read: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            read[name] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise ProblemError("BAD_REQUEST", "Upload-Metadata is not readable") from None
    return read
