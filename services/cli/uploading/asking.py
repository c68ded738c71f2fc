"""Asking a server that may be away for a moment: what passes is tried again, what stays is told."""

from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import Final

import httpx
from pydantic import JsonValue

from services.cli.client import Answer, AwayError, Client, refusal

PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new try; the last holds for those that follow."""
PATIENCE_S: Final = 120.0
"""Whoever is away for longer is given up."""
PAUSE_S_MAX: Final = 60.0
_UNAUTHORISED: Final = 401
_LOCKED: Final = 423
_TOO_MANY: Final = 429
_SERVER_ERRORS: Final = 500


class IncompleteError(Exception):
    """It did not come to its end, and can be gone on with; the text says why, within a sentence."""


class PassingError(Exception):
    """Something that may be different in a moment; `after_s` is when, if somebody knows."""

    def __init__(self, why: str, *, after_s: float | None = None) -> None:
        super().__init__(why)
        self.after_s = after_s


class Patience:
    """How long things have been going wrong without anything going well in between."""

    def __init__(self) -> None:
        self._failed = 0
        self._since = 0.0

    def relax(self) -> None:
        """Take note that something went well."""
        self._failed = 0

    def pause(self, error: PassingError) -> None:
        """Wait before the next try; raises IncompleteError when there is to be none."""
        if not self._failed:
            self._since = monotonic()
        elif monotonic() - self._since > PATIENCE_S:
            raise IncompleteError(str(error))
        pause = PAUSES_S[min(self._failed, len(PAUSES_S) - 1)]
        sleep(pause if error.after_s is None else error.after_s)
        self._failed += 1


def attempt(
    client: Client,
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: Iterable[bytes] | None = None,
) -> httpx.Response:
    """Ask once; raises PassingError, and returns every other answer, refusals too.

    A token that has run out is renewed; CliError where that is refused.
    """
    try:
        response = client.exchange(method, path, headers=headers, content=content)
        if response.status_code == _UNAUTHORISED:
            client.sign_in_again()
            raise PassingError(_said(response), after_s=0)
    except AwayError as error:
        raise PassingError(str(error)) from None
    if response.status_code in {_LOCKED, _TOO_MANY} or response.status_code >= _SERVER_ERRORS:
        raise PassingError(_said(response), after_s=_retry_after(response))
    return response


def ask(client: Client, method: str, path: str) -> dict[str, JsonValue]:
    """Ask until there is a good answer; raises CliError for a refusal, IncompleteError."""
    patience = Patience()
    while True:
        try:
            response = attempt(client, method, path)
        except PassingError as error:
            patience.pause(error)
            continue
        if not response.is_success:
            raise refusal(response.status_code, response.content)
        return Answer.of(response).body


def _said(response: httpx.Response) -> str:
    return str(refusal(response.status_code, response.content))


def _retry_after(response: httpx.Response) -> float | None:
    seconds = response.headers.get("Retry-After", "")
    return min(float(seconds), PAUSE_S_MAX) if seconds.isascii() and seconds.isdigit() else None
