"""What reconciliation's operations answer besides their 200s, by code."""

from typing import Final

from shared.web.openapi import Responses, error_answers
from shared.wire.openapi import AT_A_BRAND

_NOTHING: Final[Responses] = {204: {"description": "Nothing moved on this day, or not ready yet."}}
_CODES: Final = (*AT_A_BRAND, "H355", "H501", "H502")

SUMMARY_ERRORS: Final = error_answers((*_CODES, "H116"))
AGREEMENT_ANSWERS: Final = error_answers(_CODES) | _NOTHING
AGREE_ANSWERS: Final = error_answers((*_CODES, "H014", "H512")) | _NOTHING
FILE_ANSWERS: Final[Responses] = {
    **AGREEMENT_ANSWERS,
    200: {"description": "The file.", "content": {"text/csv": {"schema": {"type": "string"}}}},
}
STAMP_ANSWERS: Final[Responses] = {
    **AGREEMENT_ANSWERS,
    200: {
        "description": "The `.tsr` file: a TimeStampResp (RFC 3161), in DER.",
        "content": {"text/plain": {"schema": {"type": "string", "format": "binary"}}},
    },
}
CERTIFICATE_ANSWERS: Final[Responses] = {
    200: {
        "description": "Certificates in PEM.",
        "content": {"application/x-pem-file": {"schema": {"type": "string"}}},
    },
}
