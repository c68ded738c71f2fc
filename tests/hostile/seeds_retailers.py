"""Requests about retailers and their access that succeed."""

from typing import Any

from shared.ledger import accounts
from tests.registry.doors import Town
from tests.registry.retailers.scenes import retailer

# Each is for what is done to it: whatever becomes of one is no trouble of the others.
SHARED, RATED, REMOVED = 70_000_001, 70_000_002, 70_000_003
_BRAND = "/sps/{iysCode}/brands/{brandCode}"
_ACCESS = f"{_BRAND}/consents/retailers/access"


async def prepare(town: Town) -> None:
    """Register the retailers that the seeds name."""
    for code in (SHARED, RATED, REMOVED):
        await accounts.add_retailer(
            town.writer, brand_code=town.world.brand_code, title="Bayi", retailer_code=code
        )


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    world = town.world
    brand = {"iysCode": world.iys_code, "brandCode": world.brand_code}
    number = f"+90599{world.brand_code % 10_000_000:07d}"
    words = {"type": "MESAJ", "recipientType": "BIREYSEL"}
    one, many = {**words, "recipient": number}, {**words, "recipients": [number]}
    codes = {"retailerAccess": [SHARED]}
    own = {"brand_code": world.brand_code, "retailer_code": RATED}
    return {
        f"POST {_BRAND}/retailers": ("provider", brand, retailer()),
        f"GET {_BRAND}/retailers": ("provider", brand, None),
        f"GET {_BRAND}/retailers/{{retailerCode}}": (
            "partner",
            {**brand, "retailerCode": SHARED},
            None,
        ),
        f"DELETE {_BRAND}/retailers/{{retailerCode}}": (
            "provider",
            {**brand, "retailerCode": REMOVED},
            None,
        ),
        f"POST {_ACCESS}": ("provider", brand, {**one, **codes}),
        f"PUT {_ACCESS}": ("provider", brand, {**many, **codes}),
        f"POST {_BRAND}/consent/retailers/access/list": ("provider", brand, one),
        f"POST {_ACCESS}/remove": ("partner", brand, {**many, **codes}),
        f"POST {_ACCESS}/remove/all": ("provider", brand, many),
        "PUT /accounts/brands/{brand_code}/retailers/{retailer_code}/status": (
            "admin",
            own,
            {"status": "active"},
        ),
    }
