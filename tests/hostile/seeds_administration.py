"""Requests of the account API that succeed: applications, papers, lists, changes, keys, the trail."""

import json
from typing import Any

from shared.ledger import accounts
from tests.registry.administration.papers import PDF, application
from tests.registry.doors import Town
from tests.support.builders import new_user

Seed = tuple[str, dict[str, Any], Any]
OPEN, PAPER, APPROVED, REJECTED, WITHDRAWN, COLLECTED = (f"B00000000{n}" for n in range(6))
USER = "gecici-anahtar"
FILED = """
    INSERT INTO application (reference, kind, title, asked, iys_code)
    SELECT unnest($1::text[]), 'BRAND', 'Yeni', '{"kind": "BRAND", "name": "Yeni"}', $2
"""
GRANTED = """
    INSERT INTO application (reference, kind, state, title, asked, iys_code, user_id, sealing_key_id, contact,
                             secret_digest)
    SELECT $1, 'PROVIDER', 'APPROVED', 'Yeni', $3::text::jsonb, $2, user_id, 1, '\\x00', '\\x00'
      FROM api_user WHERE iys_code = $2
"""
KEYS = """
    INSERT INTO api_key (user_id, digest, prefix)
    SELECT user_id, decode(md5(n::text), 'hex'), 'izin_' || n
      FROM api_user, generate_series(1, 2) AS n WHERE username = $1
    RETURNING key_id
"""
_made: dict[str, int] = {}


async def prepare(town: Town) -> None:
    """Make what the seeds ask about."""
    references = [OPEN, PAPER, APPROVED, REJECTED, WITHDRAWN]
    await town.owner.execute(FILED, references, town.world.iys_code)
    paper = f"/accounts/applications/{PAPER}/documents/1"
    assert (await town.post(paper, PDF, method="PUT")).status_code == 200
    _made["provider"], _login = await town.new_provider()
    newcomer = await accounts.add_provider(
        town.writer,
        accounts.NewProvider("Yeni", "1234567890", None, None, "Yeni"),
        new_user("provider", username="gecici-hs"),
    )
    asked = {**application(), "kind": "PROVIDER"}
    del asked["contact"]
    await town.owner.execute(GRANTED, COLLECTED, newcomer, json.dumps(asked))
    _made["operator"] = await accounts.add_operator(
        town.writer, title="Geçici", brands=None, user=new_user("operator", username=USER)
    )
    keys = await town.owner.fetch(KEYS, USER)
    _made["rotated"], _made["revoked"] = (row["key_id"] for row in keys)


def seeds(town: Town) -> dict[str, Seed]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    world = town.world
    return {**_applications(town), **_registered(town), **_keys()} | {
        "GET /accounts/events": ("provider", {}, None),
        "GET /accounts/users": ("admin", {}, None),
        "PUT /accounts/users/{username}/state": (
            "admin",
            {"username": "gecici"},
            {"state": "ACTIVE"},
        ),
        "GET /accounts/brands/{brand_code}/grants": (
            "provider",
            {"brand_code": world.brand_code},
            None,
        ),
    }


def _applications(town: Town) -> dict[str, Seed]:
    world = town.world
    one = "/accounts/applications/{reference}"
    paper = {"reference": PAPER, "number": 1}
    asked = {"header": "ARANAN", "proof": "DOMAIN", "proofReference": "deneme.example"}
    return {
        "POST /accounts/applications": ("nobody", {}, application()),
        "GET /accounts/applications": ("admin", {}, None),
        f"GET {one}": ("provider", {"reference": OPEN}, None),
        f"DELETE {one}": ("provider", {"reference": WITHDRAWN}, None),
        f"PUT {one}/documents/{{number}}": ("provider", paper, PDF),
        f"GET {one}/documents/{{number}}": ("admin", paper, None),
        f"POST {one}/approval": ("admin", {"reference": APPROVED}, {}),
        f"POST {one}/rejection": ("admin", {"reference": REJECTED}, {"reason": "-"}),
        f"POST {one}/account": ("admin", {"reference": COLLECTED}, None),
        "POST /accounts/providers/{iys_code}/brand-applications": (
            "provider",
            {"iys_code": world.iys_code},
            {"name": "Yeni"},
        ),
        "POST /accounts/brands/{brand_code}/header-applications": (
            "provider",
            {"brand_code": world.brand_code},
            asked,
        ),
    }


def _registered(town: Town) -> dict[str, Seed]:
    world = town.world
    brand = {"brand_code": world.brand_code}
    other, operator = {"iys_code": _made["provider"]}, {"code": _made["operator"]}
    partner = {"code": world.integrator_code}
    return {
        "GET /accounts/providers": ("admin", {}, None),
        "GET /accounts/providers/{iys_code}": ("admin", other, None),
        "PUT /accounts/providers/{iys_code}": ("admin", other, {"title": "Yeni"}),
        "GET /accounts/providers/{iys_code}/brands": ("admin", other, None),
        "PUT /accounts/brands/{brand_code}/name": ("admin", brand, {"name": "Yeni"}),
        "GET /accounts/brands/{brand_code}/headers": ("provider", brand, None),
        "GET /accounts/operators": ("admin", {}, None),
        "GET /accounts/operators/{code}": ("admin", operator, None),
        "PUT /accounts/operators/{code}": ("admin", operator, {"title": "Yeni"}),
        "GET /accounts/operators/{code}/brands": ("admin", operator, None),
        "GET /accounts/partners": ("admin", {}, None),
        "GET /accounts/partners/{code}": ("partner", partner, None),
        "PUT /accounts/partners/{code}": ("admin", partner, {"title": "Yeni"}),
    }


def _keys() -> dict[str, Seed]:
    keys = "/accounts/users/{username}/keys"
    user = {"username": USER}
    return {
        f"GET {keys}": ("admin", user, None),
        f"POST {keys}": ("admin", user, {"label": "yeni"}),
        f"POST {keys}/{{key_id}}/rotation": ("admin", {**user, "key_id": _made["rotated"]}, {}),
        f"DELETE {keys}/{{key_id}}": ("admin", {**user, "key_id": _made["revoked"]}, None),
    }
