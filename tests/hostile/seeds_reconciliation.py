"""Who succeeds with what at the reconciliation of a day."""

from datetime import timedelta
from typing import Any

from shared.clock import utc_now
from shared.domain.wire_time import turkish_day
from tests.registry.doors import Town
from tests.registry.reconciliation.days import make_day, moment, phones, put

BRAND = "/sps/{iysCode}/brands/{brandCode}"
YESTERDAY = turkish_day(utc_now()) - timedelta(days=1)


async def prepare(town: Town) -> None:
    """Let a brand have moved yesterday on which nothing else is written, and make its report."""
    await put(town, town.world.second_brand_code, moment(YESTERDAY, hours=9), phones(3))
    await make_day(town, YESTERDAY)


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    day = {
        "iysCode": town.world.iys_code,
        "brandCode": town.world.second_brand_code,
        "reportDate": str(YESTERDAY),
        "recipientType": "BIREYSEL",
    }
    agreed = {"agreementStatus": True}
    return {
        f"GET {BRAND}/changes/{{reportDate}}/recipients/{{recipientType}}": ("provider", day, None),
        f"GET {BRAND}/changes/{{reportDate}}/file": ("provider", day, None),
        f"GET {BRAND}/agreements/{{reportDate}}": ("provider", day, None),
        f"PUT {BRAND}/agreements/{{reportDate}}": ("provider", day, agreed),
        f"GET {BRAND}/agreements/{{reportDate}}/timestamp": ("provider", day, None),
        "GET /accounts/tsa/certificate": ("nobody", {}, None),
    }
