"""Requests about partners and subscriptions that succeed."""

from typing import Any

from shared.ledger import accounts
from shared.ledger.accounts import NewProvider
from tests.registry.doors import Town
from tests.support.builders import new_user

# A provider of its own: whatever becomes of its subscription is nobody's trouble.
SUBSCRIBER = 700_701


async def prepare(town: Town) -> None:
    """Register whom the seeds name."""
    user = new_user("provider", username="abone")
    provider = NewProvider("Abone A.Ş.", "1234567890", None, SUBSCRIBER, "Abone")
    await accounts.add_provider(town.writer, provider, user)


def seeds(town: Town) -> dict[str, tuple[str, dict[str, Any], Any]]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    codes = {"integratorCode": town.world.integrator_code, "iysCode": town.world.iys_code}
    subscriber = {"kind": "providers", "code": SUBSCRIBER}
    changed = {"package": "İleti-5", "consentLimit": 5000, "expirationDate": "2030-12-31"}
    return {
        "GET /integrator/{integratorCode}/sps": ("partner", codes, None),
        "GET /integrator/{integratorCode}/sps/{iysCode}": ("partner", codes, None),
        "GET /integrator/{integratorCode}/subscription": ("partner", codes, None),
        "GET /sps/{iysCode}/subscription": ("provider", codes, None),
        "GET /accounts/{kind}/{code}/subscription": ("admin", subscriber, None),
        "PUT /accounts/{kind}/{code}/subscription": ("admin", subscriber, changed),
        "DELETE /accounts/{kind}/{code}/subscription": ("admin", subscriber, None),
    }
