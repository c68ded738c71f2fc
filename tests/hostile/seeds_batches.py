"""Who succeeds with what at the batches of the wire."""

from typing import Any

from tests.registry.doors import Town, consent

REQUESTS = "/sps/{iysCode}/brands/{brandCode}/consents/request"


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    brand = {"iysCode": town.world.iys_code, "brandCode": town.world.brand_code}
    asked = {**brand, "requestId": "5980a44b-06f3-433c-8b1a-61bcceb95fa0"}
    return {
        f"POST {REQUESTS}": ("provider", brand, [consent(), consent()]),
        f"POST /v2{REQUESTS}": ("provider", brand, [consent()]),
        f"GET {REQUESTS}/{{requestId}}": ("provider", asked, None),
        f"GET /v2{REQUESTS}/{{requestId}}": ("provider", asked, None),
    }
