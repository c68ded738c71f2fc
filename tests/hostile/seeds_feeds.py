"""Who succeeds with what at the history, the feed and the report of a day."""

from typing import Any

from tests.registry.doors import Town, new_phone, question

BRAND = "/sps/{iysCode}/brands/{brandCode}"


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    world = town.world
    brand = {"iysCode": world.iys_code, "brandCode": world.brand_code}
    day = {"brand_code": world.brand_code, "date": "yesterday"}
    return {
        f"POST {BRAND}/consents/history": ("provider", brand, question(new_phone())),
        f"GET {BRAND}/consents/changes": ("provider", brand, None),
        "GET /accounts/brands/{brand_code}/reports/{date}": ("provider", day, None),
    }
