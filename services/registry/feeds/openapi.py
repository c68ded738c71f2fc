"""The error answers of the history and the feed, by the codes that each can give."""

from typing import Final

from shared.web.openapi import Responses, error_answers
from shared.wire.openapi import AT_A_BRAND

HISTORY_ERRORS: Final = error_answers(
    (
        *AT_A_BRAND,
        *("H014", "H097", "H111", "H114", "H116", "H117", "H120", "H121", "H166", "H170"),
        *("H182", "H183", "H186", "H187", "H089"),
    )
)
CHANGES_ERRORS: Final[Responses] = {
    204: {"description": "There is nothing to read yet."},
    **error_answers((*AT_A_BRAND, "H103", "H506", "H507")),
}
