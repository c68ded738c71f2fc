"""A small HTTP client of a running izin: signs in, asks, turns problem documents into one line."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
from pydantic import JsonValue as Json
from pydantic import TypeAdapter, ValidationError

from services.cli.errors import CliError

_OBJECT = TypeAdapter(dict[str, Json])
NO_CONTENT = 204


class AwayError(CliError):
    """The server cannot be reached or does not answer in time, which may pass."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object that the server sent."""

    body: dict[str, Json]

    @classmethod
    def of(cls, response: httpx.Response) -> Self:
        """Return what a successful response holds; raises CliError where that is no JSON."""
        return cls(_content(response) or {})

    def text(self, name: str) -> str:
        """Return a member that must be a string."""
        value = self.body.get(name)
        if not isinstance(value, str):
            raise CliError(
                f"the server's answer has no text {name}; is it an izin of this version?"
            )
        return value

    def integer(self, name: str) -> int:
        """Return a member that must be a whole number."""
        value = self.body.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise CliError(
                f"the server's answer has no number {name}; is it an izin of this version?"
            )
        return value

    def truth(self, name: str) -> bool:
        """Return a member that must be true or false."""
        value = self.body.get(name)
        if not isinstance(value, bool):
            raise CliError(
                f"the server's answer does not say {name}; is it an izin of this version?"
            )
        return value


class Client:
    """Signed in with one account for as long as it is open; without an account it is nobody."""

    def __init__(self, base_url: str, account: Account | None, *, timeout_s: float = 30.0) -> None:
        self._account = account
        self._base_url = base_url
        # trust_env: a proxy of the environment must not see credentials meant for this server
        self._http = httpx.Client(base_url=base_url, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> Self:
        try:
            if self._account is not None:
                self._sign_in(self._account)
        except BaseException:
            self._http.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._base_url

    @property
    def authorization(self) -> str:
        """The header that says who asks, once signed in."""
        return self._http.headers["Authorization"]

    def get(self, path: str) -> Answer:
        """GET an answer."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Json]) -> Answer:
        """POST a JSON body and return the answer."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: Mapping[str, Json]) -> Answer:
        """PUT a JSON body and return the answer."""
        return self._ask("PUT", path, body)

    def present(self, secret: str) -> None:
        """Send a secret with whatever is asked from now on, in place of a sign-in."""
        self._http.headers["Authorization"] = f"Bearer {secret}"

    def put_file(self, path: str, content: bytes) -> Answer:
        """PUT a file as it is and return the answer."""
        response = self._sent("PUT", path, content=content)
        if response.is_success:
            return Answer(_content(response) or {})
        raise refusal(response.status_code, response.content)

    def get_file(self, path: str) -> bytes:
        """GET a file as it is."""
        response = self._sent("GET", path)
        if response.is_success:
            return response.content
        raise refusal(response.status_code, response.content)

    def delete(self, path: str) -> None:
        """DELETE what is at the path."""
        self._ask("DELETE", path, None)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Iterable[bytes] | None = None,
    ) -> httpx.Response:
        """Send anything and return whatever the server says; raises AwayError."""
        with self._reaching():
            return self._http.request(method, path, headers=headers, content=content)

    @contextmanager
    def open_file(self, path: str) -> Generator[httpx.Response]:
        """GET something of any size, to be read as it comes; raises AwayError, then and later."""
        with self._reaching(), self._http.stream("GET", path) as response:
            yield response

    def sign_in_again(self) -> None:
        """Get a new token in place of one that has run out."""
        if self._account is not None:
            self._sign_in(self._account)

    def _sign_in(self, account: Account) -> None:
        answer = self._ask(
            "POST",
            "/oauth2/token",
            {
                "grant_type": "password",
                "username": account.username,
                "password": account.password,
            },
        )
        self._http.headers["Authorization"] = f"Bearer {answer.text('access_token')}"

    def _ask(self, method: str, path: str, body: Mapping[str, Json] | None) -> Answer:
        response = self._sent(method, path, body=body)
        content = _content(response)
        # a check that could not be verified is a 503 that answers all the same: not allowed
        if response.is_success or (content is not None and "allowed" in content):
            return Answer(content or {})
        raise CliError(_said(response, content))

    def _sent(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Json] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        with self._reaching():
            return self._http.request(method, path, json=body, content=content)

    @contextmanager
    def _reaching(self) -> Generator[None]:
        try:
            yield
        except httpx.TimeoutException:
            raise AwayError(
                f"{self._base_url} does not answer in time; try again or raise IZIN_TIMEOUT_S"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AwayError(
                f"{self._base_url} cannot be reached ({error}); start it with `izin up` "
                "or set IZIN_URL"
            ) from None


def _content(response: httpx.Response) -> dict[str, Json] | None:
    """Return the JSON object of an answer, or None when it holds none."""
    try:
        return _OBJECT.validate_json(response.content)
    except ValidationError:
        if response.is_success and response.status_code != NO_CONTENT:
            raise CliError(
                f"{response.url} did not answer in JSON; check that IZIN_URL is an izin"
            ) from None
        return None


def refusal(status: int, content: bytes) -> CliError:
    """Return the one line for an answer that did not come by way of the client."""
    response = httpx.Response(status, content=content)
    return CliError(_said(response, _content(response)))


def _said(response: httpx.Response, content: dict[str, Json] | None) -> str:
    """Put a problem document, or the errors of the İYS wire, into one line."""
    problem = content or {}
    parts = [str(problem[name]) for name in ("title", "detail") if problem.get(name)]
    errors = problem.get("errors")
    if isinstance(errors, list):
        parts.extend(_one_error(error) for error in errors)
    code = problem.get("code") or response.reason_phrase
    text = ": ".join(part for part in parts if part) or "the server refused"
    return f"{text} ({response.status_code} {code})"


def _one_error(error: Json) -> str:
    if not isinstance(error, dict):
        return ""
    names = ("pointer", "code", "detail", "message")
    return " ".join(str(error[name]) for name in names if error.get(name))
