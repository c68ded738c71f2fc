"""A paper is what its first bytes say."""

import pytest

from shared.domain.document_type import DocumentType, sniff_document


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7 and so on", DocumentType.PDF),
        (b"\x89PNG\r\n\x1a\n and so on", DocumentType.PNG),
        (b"\xff\xd8\xff\xe0 and so on", DocumentType.JPEG),
        (b"", None),
        (b"%PDF", None),
        (b"\x89PNG\n", None),
        (b"\xff\xd8", None),
        (b"<svg>", None),
        (b"MZ", None),
    ],
)
def test_it_is_known_by_its_first_bytes(content: bytes, kind: DocumentType | None) -> None:
    assert sniff_document(content) is kind
