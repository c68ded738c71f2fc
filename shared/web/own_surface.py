"""What the routes of our own surface (`/accounts`, `/operators`, `/system`) have in common.

The İYS wire says the same things in codes of its own (`shared/wire/request.py`).
"""

from typing import Annotated

from fastapi import Path, Request

from shared.web.openapi import Responses, problem_answers

PathCode = Annotated[int, Path(gt=0, lt=2**31)]
"""The number of a provider, brand, partner or operator."""
HeaderName = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9 ._&-]{3,11}$", description="3 to 11 characters (regulation E9)."),
]
Username = Annotated[str, Path(pattern=r"^[A-Za-z0-9@._+-]{3,100}$")]


def authorization(request: Request) -> str | None:
    """Return the caller's credential."""
    return request.headers.get("authorization")


def problems(*codes: str, limited: bool = True) -> Responses:
    """Describe the problem documents that every operation can answer with, and these besides.

    `limited` says that its requests are counted (`shared/web/limit_paths.py`).
    """
    return problem_answers(
        (
            *("NOT_AUTHENTICATED", "FORBIDDEN", "BODY_TOO_LARGE", "INVALID_FIELD", "BAD_REQUEST"),
            *("ADDRESS_NOT_ALLOWED", "LEDGER_UNAVAILABLE", *codes),
            *(("TOO_MANY_REQUESTS",) if limited else ()),
        )
    )
