"""The error answers of push, by the codes that each operation can give."""

from typing import Final

from shared.web.openapi import error_answers
from shared.wire.openapi import AT_A_BRAND

_BODY: Final = ("H014", "H093", "H111", "H117", "H412", "H530", "H531")

REGISTER_ERRORS: Final = error_answers((*AT_A_BRAND, *_BODY))
SHOW_ERRORS: Final = error_answers(AT_A_BRAND)
UNREGISTER_ERRORS: Final = error_answers((*AT_A_BRAND, *_BODY))
