"""Requests generated from our own OpenAPI document, with the credentials of every role (Schemathesis).

No answer is a 5xx, none has a status, type or shape that the document does not know, and over the whole
run every operation gives at least one 2xx: the seeds below see to it, and a document that names an
operation without a seed fails the test.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.python import asgi
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.cli.compose import FrontDoor
from shared.ledger import accounts
from tests.hostile import (
    seeds_administration,
    seeds_batches,
    seeds_feeds,
    seeds_ingest,
    seeds_limits,
    seeds_partners,
    seeds_push,
    seeds_reconciliation,
    seeds_reference,
    seeds_retailers,
    seeds_system,
)
from tests.registry.doors import DROP, Town, compose, consent, new_phone, refusal
from tests.support.builders import new_user

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLES = ("provider", "partner", "operator", "ministry", "admin", "nobody")
EXAMPLES = 6
# What was explored may have taken rights away; these give them back before the next one.
MENDING = (
    "PUT /accounts/brands/{brand_code}/grants/{integrator_code}",
    "PUT /accounts/partners/{code}/licence",
    "PUT /accounts/{kind}/{code}/state",
)
Seed = tuple[str, dict[str, Any], Any]


def seeds(town: Town) -> dict[str, Seed]:
    """Return by operation who succeeds with what: role, values of the path, body."""
    world = town.world
    brand = {"iysCode": world.iys_code, "brandCode": world.brand_code}
    own = {"brand_code": world.brand_code}
    asked = {"brandCode": world.brand_code, "type": "MESAJ"}
    words = {"recipientType": "BIREYSEL", "type": "MESAJ"}
    number = world_number(town)
    provider = {"title": "Yeni", "taxNumber": "1234567890"}
    password = {
        "grant_type": "password",
        "username": world.provider.username,
        "password": world.provider.password,
    }
    grant = {**own, "integrator_code": world.integrator_code}
    return {
        "POST /oauth2/token": ("nobody", {}, password),
        "GET /sps/{iysCode}/brands": ("provider", brand, None),
        "POST /sps/{iysCode}/brands/{brandCode}/consents": ("provider", brand, consent()),
        "POST /v2/sps/{iysCode}/brands/{brandCode}/consents": ("partner", brand, consent()),
        "POST /sps/{iysCode}/brands/{brandCode}/consents/status": (
            "provider",
            brand,
            {"recipient": number, **words},
        ),
        "POST /sps/{iysCode}/brands/{brandCode}/consents/{recipientType}/status/{type}": (
            "provider",
            {**brand, **words},
            {"recipients": [number]},
        ),
        "GET /version": ("nobody", {}, None),
        "POST /check": ("operator", {}, {**asked, "recipient": number}),
        "POST /check/batch": ("operator", {}, {**asked, "recipients": [number, "x"]}),
        "POST /check/stream": ("operator", asked, f"{number}\nx\n"),
        "GET /brands/{tin}": ("operator", {"tin": "1234567890"}, None),
        "POST /brands/{brandCode}/consents/{recipientType}/rejected/{type}": (
            "operator",
            {**brand, **words},
            {"recipients": [number, new_phone()]},
        ),
        "POST /accounts/providers": ("admin", {}, provider),
        "POST /accounts/providers/{iys_code}/brands": (
            "provider",
            {"iys_code": world.iys_code},
            {"name": "Yeni"},
        ),
        "PUT /accounts/brands/{brand_code}/headers/{header}": (
            "provider",
            {**own, "header": "YENI"},
            {"operators": [world.operator_code]},
        ),
        "DELETE /accounts/brands/{brand_code}/headers/{header}": (
            "provider",
            {**own, "header": "YENI"},
            None,
        ),
        "PUT /accounts/brands/{brand_code}/grants/{integrator_code}": (
            "provider",
            grant,
            {"MESAJ": "write", "ARAMA": "read", "EPOSTA": "write"},
        ),
        "DELETE /accounts/brands/{brand_code}/grants/{integrator_code}": ("admin", grant, None),
        "POST /accounts/brands/{brand_code}/retailers": ("provider", own, {"title": "Yeni"}),
        "POST /accounts/operators": ("admin", {}, {"title": "Yeni"}),
        "POST /accounts/partners": (
            "admin",
            {},
            {"title": "Yeni", "licenceValidUntil": "2030-12-31"},
        ),
        "PUT /accounts/partners/{code}/licence": (
            "admin",
            {"code": world.integrator_code},
            {"licenceValidUntil": None},
        ),
        "PUT /accounts/{kind}/{code}/state": (
            "admin",
            {"kind": "brands", "code": world.second_brand_code},
            {"state": "ACTIVE"},
        ),
        "POST /accounts/users": ("admin", {}, {"username": "yeni", "role": "ministry"}),
        "POST /accounts/users/{username}/password": ("admin", {"username": "gecici"}, None),
        "POST /accounts/users/{username}/key": ("admin", {"username": "gecici-sth"}, None),
        "DELETE /accounts/users/{username}/key": ("admin", {"username": "gecici-sth"}, None),
        **seeds_administration.seeds(town),
        **seeds_batches.seeds(town),
        **seeds_feeds.seeds(town),
        **seeds_ingest.seeds(town),
        **seeds_limits.seeds(town),
        **seeds_partners.seeds(town),
        **seeds_push.seeds(town),
        **seeds_reconciliation.seeds(town),
        **seeds_reference.seeds(town),
        **seeds_retailers.seeds(town),
        **seeds_system.seeds(town),
    }


def world_number(town: Town) -> str:
    return f"+90599{town.world.brand_code % 10_000_000:07d}"


@pytest.fixture(scope="module")
async def tokens(town: Town) -> dict[str, dict[str, str]]:
    """Return each role's header; the records that the seeds ask about are made on the way."""
    number = world_number(town)
    assert (await town.add(consent(number))).status_code == 200
    merchant = consent(number, recipientType="TACIR", consentDate=DROP, source=DROP)
    assert (await town.add(merchant)).status_code == 200
    assert (await town.add(refusal(number, type="ARAMA"))).status_code == 400
    new = {"username": "gecici", "role": "ministry"}
    assert (await town.post("/accounts/users", new, who="admin")).status_code == 201
    await seeds_partners.prepare(town)
    await seeds_push.prepare(town)
    await seeds_reconciliation.prepare(town)
    user = new_user("operator", username="gecici-sth")
    await accounts.add_operator(town.writer, title="Geçici", brands=None, user=user)
    await seeds_system.prepare(town)
    await seeds_ingest.prepare(town)
    await seeds_administration.prepare(town)
    await seeds_retailers.prepare(town)
    return {role: await town.authorization(role if role != "nobody" else None) for role in ROLES}


@pytest.fixture(scope="module")
def door(town: Town) -> Iterator[FrontDoor]:
    """Return a door of its own: Schemathesis runs the app in a thread, on another event loop."""
    yield compose(town.dsn, town.keys_file, town.data_dir, **seeds_push.SETTINGS)
    asgi.shutdown_lifespans()
    seeds_push.finish()


def test_the_document_tells_the_truth(
    town: Town, door: FrontDoor, tokens: dict[str, dict[str, str]]
) -> None:
    good, statuses, failures = seeds(town), defaultdict[str, set[int]](set), list[str]()
    app: Any = door
    with asgi.get_client(app) as client:
        schema = schemathesis.openapi.from_asgi("/openapi.json", app)

        def send(case: Any, role: str) -> None:
            label = case.operation.label
            answer = case.call(session=client, headers=dict(tokens[role]))
            statuses[label].add(answer.status_code)
            try:
                case.validate_response(answer, checks=CHECKS, headers=dict(tokens[role]))
            except FailureGroup as group:
                failures.extend(f"{label} as {role}: {error}" for error in group.exceptions)

        operations: list[Any] = [cast("Any", found).ok() for found in schema.get_all_operations()]
        assert {operation.label for operation in operations} == set(good)
        mending = [operation for operation in operations if operation.label in MENDING]

        def mend() -> None:
            for operation in mending:
                send(seed_case(operation, good), good[operation.label][0])

        for operation in operations:
            mend()
            send(seed_case(operation, good), good[operation.label][0])
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                mend()
                explore(operation, mode, good[operation.label][1], send)
    silent = [label for label in good if not any(s < 300 for s in statuses[label])]
    assert not failures, "\n".join(sorted(set(failures))[:40])
    assert not silent, f"never a 2xx: {silent}"


def seed_case(operation: Any, good: dict[str, Seed]) -> Any:
    _role, path, body = good[operation.label]
    given: dict[str, Any] = {}
    if isinstance(body, str):  # a list; who asks about what stands in the query
        given = {"body": body, "media_type": "text/plain", "query": path}
    elif isinstance(body, bytes):  # a file, and what goes with it
        given = {"body": body, "media_type": "application/octet-stream"}
        given |= {name: path[name] for name in ("media_type", "query", "headers") if name in path}
    elif body is not None:
        given = {"body": body, "media_type": "application/json"}
    return operation.Case(path_parameters=used_by(operation, path), **given)


def used_by(operation: Any, path: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in path.items() if f"{{{name}}}" in operation.path}


def explore(operation: Any, mode: GenerationMode, path: dict[str, Any], send: Any) -> None:
    """Send a few generated requests of each role; with the world's numbers and with any."""
    fitting = used_by(operation, path)

    def requests(strategy: Any) -> None:
        @seeded(20260302)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy)
        def run(case: Any) -> None:
            for role in ROLES:
                send(case, role)

        with suppress(Unsatisfiable):  # nothing about this operation can be wrong
            run()

    requests(operation.as_strategy(generation_mode=mode, path_parameters=fitting or None))
    if fitting and mode is GenerationMode.POSITIVE:
        requests(operation.as_strategy(generation_mode=mode))
