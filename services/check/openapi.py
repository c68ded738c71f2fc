"""The error answers of the check's operations, by the codes that each can give."""

from typing import Final

from services.check.schemas import BatchAnswer, CheckAnswer
from shared.web.openapi import Responses, error_answers, problem_answers

_UNVERIFIED: Final[dict[str, object]] = {
    "description": "Nothing could be verified in time: `UNVERIFIED`, not allowed.",
    "content": {
        "application/json": {
            "schema": {"anyOf": [CheckAnswer.model_json_schema(), BatchAnswer.model_json_schema()]}
        }
    },
}
CHECK_ERRORS: Final[Responses] = {
    **problem_answers(
        (
            *("NOT_JSON", "BAD_CONTENT_LENGTH", "NOT_AUTHENTICATED", "REQUEST_TIMEOUT"),
            *("BODY_TOO_LARGE", "TOO_MANY_RECIPIENTS", "INVALID_QUESTION", "INVALID_RECIPIENT"),
        )
    ),
    503: _UNVERIFIED,
}
BRANDS_ERRORS: Final = error_answers(("H351", "H363", "H192"))
REJECTED_ERRORS: Final = error_answers(
    (
        *("H014", "H351", "H353", "H018", "H191", "H116", "H117"),
        *("H164", "H168", "H478", "H127", "H192"),
    )
)
