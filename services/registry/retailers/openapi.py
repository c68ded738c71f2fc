"""The error answers of the operations about retailers, by the codes that each can give."""

from typing import Final

from shared.web.openapi import Responses, error_answers
from shared.wire.openapi import AT_A_BRAND

_NAMED: Final = (*AT_A_BRAND, "H001", "H018")
_BASIC: Final = ("H250", "H251", "H252")
_PAGE: Final = ("H182", "H183", "H186", "H187")
_RECIPIENT: Final = ("H111", "H116", "H117", "H120", "H121", "H170", "H464")
_CHANGE: Final = (*AT_A_BRAND, *_RECIPIENT, "H014", "H101", "H123", "H160", "H168")
_LIST: Final = ("H127", "H164", "H478")
_ACCESS: Final = ("H126", "H163", "H169", "H193", "H180")

ADD_ERRORS: Final = error_answers(
    (
        *_NAMED,
        *_BASIC,
        *("H014", "H016", "H017", "H067", "H090", "H201", "H214", "H215", "H216", "H217", "H218"),
        *("H219", "H220", "H221", "H222", "H224", "H225", "H226", "H227", "H228", "H229", "H230"),
        *("H231", "H243", "H244", "H253", "H288"),
    )
)
PAGE_ERRORS: Final = error_answers((*AT_A_BRAND, *_BASIC, *_PAGE, "H184", "H185"))
ONE_ERRORS: Final = error_answers((*AT_A_BRAND, *_BASIC))
REMOVE_ERRORS: Final[Responses] = {
    200: {
        "description": "The retailer is removed.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "Başarı"}},
    },
    **error_answers((*_NAMED, *_BASIC, "H058", "H061"), at={"H061": 400}),
}
GRANT_ERRORS: Final = error_answers((*_CHANGE, *_ACCESS, "H090", "H401"))
REPLACE_ERRORS: Final = error_answers((*_CHANGE, *_LIST, *_ACCESS, "H171"))
TAKE_ERRORS: Final = error_answers((*_CHANGE, *_NAMED, *_LIST, *_ACCESS, "H172", "H058"))
TAKE_ALL_ERRORS: Final = error_answers((*_CHANGE, *_LIST, "H172"))
ACCESS_LIST_ERRORS: Final = error_answers(
    (*AT_A_BRAND, *_RECIPIENT, *_PAGE, "H014", "H114", "H166", "H173")
)
