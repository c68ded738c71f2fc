"""The published document of the wire, read for the examples of the methods that we have.

It lies beside the checkout of this project's developers and is not part of it: a user has none.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typing_extensions import override

DOCUMENT = Path(__file__).resolve().parents[3] / "shared/reference/iys-openapi-3.2.0.json"
_BRAND = "/sps/{iysCode}/brands/{brandCode}"
METHODS = (
    ("POST", "/oauth2/token"),
    ("GET", "/sps/{iysCode}/brands"),
    ("POST", f"{_BRAND}/consents"),
    ("POST", f"/v2{_BRAND}/consents"),
    ("POST", f"{_BRAND}/consents/status"),
    ("POST", f"{_BRAND}/consents/{{recipientType}}/status/{{type}}"),
    ("GET", "/sps/{iysCode}/subscription"),
    ("GET", "/integrator/{integratorCode}/sps"),
    ("GET", "/integrator/{integratorCode}/sps/{iysCode}"),
    ("GET", "/integrator/{integratorCode}/subscription"),
    ("POST", f"{_BRAND}/consents/history"),
    ("GET", f"{_BRAND}/consents/changes"),
    ("POST", f"{_BRAND}/retailers"),
    ("GET", f"{_BRAND}/retailers"),
    ("GET", f"{_BRAND}/retailers/{{retailerCode}}"),
    ("DELETE", f"{_BRAND}/retailers/{{retailerCode}}"),
    ("POST", f"{_BRAND}/consents/retailers/access"),
    ("PUT", f"{_BRAND}/consents/retailers/access"),
    ("POST", f"{_BRAND}/consent/retailers/access/list"),
    ("POST", f"{_BRAND}/consents/retailers/access/remove"),
    ("POST", f"{_BRAND}/consents/retailers/access/remove/all"),
    ("GET", f"{_BRAND}/changes/{{reportDate}}/recipients/{{recipientType}}"),
    ("GET", f"{_BRAND}/agreements/{{reportDate}}"),
    ("PUT", f"{_BRAND}/agreements/{{reportDate}}"),
    ("GET", f"{_BRAND}/agreements/{{reportDate}}/timestamp"),
    ("GET", f"{_BRAND}/changes/{{reportDate}}/file"),
    ("GET", "/info/city"),
    ("GET", "/info/city/{code}"),
    ("GET", "/info/town"),
    ("GET", "/info/town/{code}"),
)


@dataclass(frozen=True, slots=True)
class Example:
    """One example of a method: of a request when `status` is 0, else of an answer."""

    method: str
    path: str
    status: int
    media_type: str
    name: str
    body: Any

    @override
    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status or 'request'} {self.name!r}"

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The entries of an error list; the document writes one key `code:` here and there."""
        if not isinstance(self.body, dict):
            return []
        entries: list[dict[str, Any]] = self.body.get("errors", [])
        return [{name.rstrip(":"): value for name, value in entry.items()} for entry in entries]


def read_document() -> dict[str, Any] | None:
    """Return the document, or None where there is none."""
    return json.loads(DOCUMENT.read_bytes()) if DOCUMENT.exists() else None


def requests_of(document: dict[str, Any], method: str, path: str) -> list[Example]:
    """Return the documented requests; a method without a body is a request as it is."""
    body = _operation(document, method, path).get("requestBody")
    if body is None:
        return [Example(method, path, 0, "", "no body", None)]
    return list(_examples(body, method, path, 0))


def answers_of(document: dict[str, Any], method: str, path: str) -> list[Example]:
    """Return the documented answers, good and bad."""
    responses = _operation(document, method, path)["responses"]
    return [
        example
        for status, response in responses.items()
        for example in _examples(response, method, path, int(status))
    ]


def _operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][path][method.lower()]
    return operation


def _examples(holder: dict[str, Any], method: str, path: str, status: int) -> Iterator[Example]:
    for media_type, content in holder.get("content", {}).items():
        for name, example in content.get("examples", {}).items():
            yield Example(method, path, status, media_type, name, example.get("value"))
