"""The error answers of the check's operations, by the codes that each can give."""

from typing import Final

from services.check.schemas import BatchAnswer, CheckAnswer, SenderFields, StreamEnd, StreamLine
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
            "ADDRESS_NOT_ALLOWED",
        )
    ),
    503: _UNVERIFIED,
}
BRANDS_ERRORS: Final = error_answers(("H351", "H353", "H363", "H192"))
REJECTED_ERRORS: Final = error_answers(
    (
        *("H014", "H351", "H353", "H018", "H191", "H116", "H117"),
        *("H164", "H168", "H478", "H127", "H192"),
    )
)
# Beside the problems, what a list is answered with: lines, of which the last says that this was all.
STREAM_ERRORS: Final[Responses] = {
    200: {
        "description": "A line for each line of the list, in order, and one that says that this was all.",
        "content": {
            "application/x-ndjson": {
                "schema": {
                    "type": "string",
                    "description": "Each line is one of these objects.",
                    "x-line": {
                        "anyOf": [StreamLine.model_json_schema(), StreamEnd.model_json_schema()]
                    },
                }
            }
        },
    },
    **problem_answers(
        ("NOT_AUTHENTICATED", "ADDRESS_NOT_ALLOWED", "INVALID_QUESTION", "LEDGER_UNAVAILABLE")
    ),
}
_SENDER: Final[dict[str, dict[str, object]]] = SenderFields.model_json_schema()["properties"]
STREAM_REQUEST: Final[dict[str, object]] = {
    "parameters": [
        {
            "name": name,
            "in": "query",
            "required": name == "type",
            # what is left out of a query has no value; only a word has one that stands for it
            "schema": {k: v for k, v in schema.items() if k != "default" or "enum" in schema},
        }
        for name, schema in _SENDER.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            "text/plain": {
                "schema": {"type": "string", "description": "One address a line."},
                "examples": {"two numbers": {"value": "+905990000001\n+905990000002\n"}},
            }
        },
    },
}
