"""Which kind of paper some bytes are, by their first bytes: what a sender says about them does not count."""

from enum import Enum


class DocumentType(Enum):
    """The kinds that are taken; values are media types."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"


_SIGNATURES = {
    b"%PDF-": DocumentType.PDF,
    b"\x89PNG\r\n\x1a\n": DocumentType.PNG,
    b"\xff\xd8\xff": DocumentType.JPEG,
}


def sniff_document(content: bytes) -> DocumentType | None:
    """Return the kind of a paper, or None where it is none that is taken."""
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return kind
    return None
