"""The error answers of ingest's operations, by the codes that each can give."""

from typing import Final

from shared.web.openapi import error_answers
from shared.wire.openapi import AT_A_BRAND

BATCH_ERRORS: Final = error_answers(
    (
        *AT_A_BRAND,
        *("H014", "H092", "H091", "H194", "H180", "H267", "H085"),
        *("H110", "H111", "H112", "H113", "H114", "H115", "H116", "H117", "H118", "H119"),
        *("H120", "H121", "H122", "H126", "H155", "H156", "H157", "H158", "H160", "H162", "H163"),
        *("H193", "H408", "H464", "H467"),
    )
)
RESULT_ERRORS: Final = error_answers((*AT_A_BRAND, "H198", "H199", "H400"))
