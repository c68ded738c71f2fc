"""Who succeeds with what at the limits and at the lists of networks."""

from typing import Any

from tests.registry.doors import Town

Seed = tuple[str, dict[str, Any], Any]
_PATH = "/accounts/users/{username}/networks"


def seeds(_town: Town) -> dict[str, Seed]:
    # Somebody whom nobody misses: the generated lists lock it out.
    other = {"username": "gecici"}
    return {
        "GET /limits": ("nobody", {}, None),
        f"GET {_PATH}": ("admin", other, None),
        f"PUT {_PATH}": ("admin", other, {"networks": ["127.0.0.0/8", "2001:db8::/48"]}),
    }
