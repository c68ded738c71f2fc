"""Requests for provinces and districts that succeed."""

from typing import Any

from tests.registry.doors import Town

Seed = tuple[str, dict[str, Any], Any]


def seeds(_town: Town) -> dict[str, Seed]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    return {
        "GET /info/city": ("provider", {}, None),
        "GET /info/city/{code}": ("partner", {"code": "34"}, None),
        "GET /info/town": ("operator", {}, None),
        "GET /info/town/{code}": ("ministry", {"code": "429"}, None),
    }
