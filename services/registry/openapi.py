"""The error answers of the wire's operations, by the codes that each can give."""

from typing import Final

from services.registry.schemas import TokenLimited, TokenRefusal
from shared.web.openapi import ErrorList, Responses, error_answers
from shared.wire.openapi import ANYWHERE, AT_A_BRAND, SUBSCRIBED

BRANDS_ERRORS: Final = error_answers((*ANYWHERE, *SUBSCRIBED, "H001"))
ADD_ERRORS: Final = error_answers(
    (
        *AT_A_BRAND,
        *("H085", "H267", "H174", "H175", "H178", "H462", "H463", "H486", "H101", "H123", "H180"),
        "H525",
        *("H110", "H111", "H112", "H113", "H114", "H115", "H116", "H117", "H118", "H119"),
        *("H120", "H121", "H122", "H126", "H155", "H156", "H157", "H158", "H160", "H162", "H163"),
        *("H193", "H408", "H464", "H467"),
    )
)
STATUS_ERRORS: Final = error_answers(
    (
        *AT_A_BRAND,
        *("H097", "H111", "H114", "H116", "H117", "H120", "H121", "H166", "H170", "H401", "H464"),
        "H086",
    ),
    at={"H401": 404},
)
LIST_ERRORS: Final = error_answers(
    (
        *AT_A_BRAND,
        *("H014", "H116", "H117", "H120", "H121", "H127", "H164", "H166", "H168", "H193"),
        *("H464", "H478"),
    )
)
TOKEN_ERRORS: Final[Responses] = {
    400: {"model": TokenRefusal, "description": "Refused; `error` is an OAuth word."},
    403: {"model": TokenRefusal, "description": "The account may not act from this address."},
    408: {"model": TokenRefusal, "description": "The body did not arrive in time."},
    413: {"model": TokenRefusal, "description": "The body is too large."},
    429: {"model": TokenLimited, "description": "Too many requests (`H084`): see Retry-After."},
    500: {"model": ErrorList, "description": "Something broke on our side (`H015`)."},
    503: {"model": ErrorList, "description": "The ledger does not answer (`H192`); try again."},
}
