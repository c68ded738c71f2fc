"""What an OpenAPI document says about errors and bodies, from the same tables that answer with them."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import BaseModel

from shared.web.iys_messages import MESSAGES
from shared.web.problems import MEDIA_TYPE, PROBLEMS

Responses = dict[int | str, dict[str, object]]


class ProblemDocument(BaseModel):
    """RFC 9457, with the public code and the request's id."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    request_id: str = ""


class WireError(BaseModel):
    """One error of the published wire; docs/problems.md lists the codes."""

    code: str
    message: str
    location: list[str | int] = []
    value: object = None
    index: int = 0


class ErrorList(BaseModel):
    """The published wire's error envelope."""

    errors: list[WireError]


def body_of(
    model: type[BaseModel], examples: Mapping[str, object], *, forms: bool = False
) -> dict[str, object]:
    """Describe a JSON body (and, with `forms`, the same as a form) that a route reads itself."""
    named = {name: {"value": value} for name, value in examples.items()}
    schema = model.model_json_schema()
    content: dict[str, object] = {"application/json": {"schema": schema, "examples": named}}
    if forms:
        content["application/x-www-form-urlencoded"] = {"schema": schema}
    return {"requestBody": {"required": True, "content": content}}


def problem_answers(codes: Iterable[str]) -> Responses:
    """Describe the problem documents of an operation, by their codes."""
    titles = {code: (PROBLEMS[code].status, PROBLEMS[code].title) for code in codes}
    content: Final = {MEDIA_TYPE: {"schema": ProblemDocument.model_json_schema()}}
    return {
        status: {"description": description, "content": content}
        for status, description in _by_status(titles).items()
    }


def error_answers(codes: Iterable[str], *, at: Mapping[str, int] | None = None) -> Responses:
    """Describe the error lists of an operation, by their codes.

    `at` names the codes that this operation gives with another status than the table's. Every body may
    be too large (413) or too slow (408), with the codes that stand for it on this wire.
    """
    overrides = at or {}
    texts = {
        code: (overrides.get(code, MESSAGES[code].status), MESSAGES[code].text) for code in codes
    }
    answers: Responses = {
        408: {"model": ErrorList, "description": "- `H192` The body did not arrive in time."},
        413: {"model": ErrorList, "description": "- `H085` The body is too large."},
    }
    for status, description in _by_status(texts).items():
        answers[status] = {"model": ErrorList, "description": description}
    return answers


def _by_status(texts: Mapping[str, tuple[int, str]]) -> dict[int, str]:
    lines: dict[int, list[str]] = {}
    for code, (status, text) in sorted(texts.items()):
        lines.setdefault(status, []).append(f"- `{code}` {text}")
    return {status: "\n".join(of) for status, of in sorted(lines.items())}
