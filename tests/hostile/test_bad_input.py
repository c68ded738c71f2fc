"""Bad input of every kind against every operation: a 4xx in the right envelope, and nothing is written.

What each surface says: `iys` the errors list, `token` the OAuth pair, `own` a problem document. Whether
anything was written is told by the ledger: every brand's position and the count of every account.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.web.iys_envelope import FAULTS_SHOWN_MAX
from tests.registry.doors import Answer, Town, ago, consent, new_phone
from tests.support.builders import HEADER

# Method, path, surface, who asks. {i}, {b}, {p} are numbers of the world.
OPERATIONS = (
    ("POST", "/oauth2/token", "token", None),
    ("POST", "/sps/{i}/brands/{b}/consents", "iys", "provider"),
    ("POST", "/v2/sps/{i}/brands/{b}/consents", "iys", "provider"),
    ("POST", "/sps/{i}/brands/{b}/consents/status", "iys", "provider"),
    ("POST", "/sps/{i}/brands/{b}/consents/BIREYSEL/status/MESAJ", "iys", "provider"),
    ("POST", "/brands/{b}/consents/BIREYSEL/rejected/MESAJ", "iys", "operator"),
    ("POST", "/check", "own", "operator"),
    ("POST", "/check/batch", "own", "operator"),
    ("POST", "/accounts/providers", "own", "admin"),
    ("POST", "/accounts/providers/{i}/brands", "own", "provider"),
    ("PUT", "/accounts/brands/{b}/headers/YENI", "own", "provider"),
    ("PUT", "/accounts/brands/{b}/grants/{p}", "own", "provider"),
    ("POST", "/accounts/brands/{b}/retailers", "own", "provider"),
    ("POST", "/accounts/operators", "own", "admin"),
    ("POST", "/accounts/partners", "own", "admin"),
    ("PUT", "/accounts/partners/{p}/licence", "own", "admin"),
    ("PUT", "/accounts/brands/{b}/state", "own", "admin"),
    ("POST", "/accounts/users", "own", "admin"),
)
JSON_OPERATIONS = [operation for operation in OPERATIONS if operation[2] != "token"]
CONSENT_PATHS = ("/sps/{i}/brands/{b}/consents", "/v2/sps/{i}/brands/{b}/consents")

NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "a word": b"hello",
    "half an object": b'{"recipient":',
    "two values": b"{}{}",
    "NaN": b'{"recipient":NaN}',
    "Infinity": b"[-Infinity]",
    "single quotes": b"{'a':1}",
    "a comment": b"{}//x",
    "a form": b"recipient=x&type=MESAJ",
    "latin-1": '{"recipient":"ş"}'.encode("iso-8859-9"),
    "utf-16": '{"recipient":"x"}'.encode("utf-16"),
    "bytes": bytes(range(256)),
    "NUL bytes": b"\0" * 100,
    "a raw NUL in text": b'{"recipient":"\0"}',
    "a lone surrogate": b'{"recipient":"\\ud800","recipients":["\\ud800"],"title":"\\udfff"}',
    "an encoded surrogate": b'{"recipient":"\xed\xa0\x80"}',
    "nested arrays": b"[" * 900_000,
    "nested objects": b'{"a":' * 150_000,
    "deep but whole": b"[" * 100_000 + b"]" * 100_000,
}
OF_ANOTHER_TYPE: dict[str, bytes] = {
    "a list": b"[]",
    "a list of lists": b"[[[]]]",
    "text": b'"x"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "an empty object": b"{}",
    "a big number": b"9" * 4_000,
    "a big exponent": b"1e400" + b"0" * 10,
}
# Values that no field takes; each is put into every field of a body.
ODD_VALUES: dict[str, str] = {
    "null": "null",
    "true": "true",
    "an object": '{"a":{"b":[1]}}',
    "a list": '[[["x"]]]',
    "NUL": '"\\u0000"',
    "10,000 characters": f'"{"x" * 10_000}"',
    "beyond 64 bits": "1" + "0" * 30,
    "below 64 bits": "-1" + "0" * 30,
    "beyond a double": "1" + "0" * 308 + ".5",
    "a fraction": "0.1",
    "minus zero": "-0",
    "year 99999": '"99999-12-31 23:59:59"',
    "the year 0": '"0000-00-00 00:00:00"',
    "the last second": '"9999-12-31 23:59:59"',
    "the first second": '"0001-01-01 00:00:00"',
    "a leap second": '"2016-12-31 23:59:60"',
    "right to left": '"\\u202e\\u0661\\u0662"',
    "an emoji": '"\\ud83d\\ude00"',
    "SQL": '"\'; DROP TABLE movement; --"',
    "a template": '"{0.__class__} %s ${x}"',
    "a nest": "[" * 500 + "]" * 500,
}
WRITES = (
    "SELECT json_agg(h ORDER BY brand_code)::text FROM brand_head AS h",
    *(
        f"SELECT count(*)::text FROM {table}"  # noqa: S608  # names of ours
        for table in ("movement", "consent", "provider", "brand", "header", "brand_grant")
    ),
    *(
        f"SELECT count(*)::text FROM {table}"  # noqa: S608
        for table in ("partner", "operator", "retailer", "api_user", "check_evidence")
    ),
    "SELECT json_agg(p ORDER BY integrator_code)::text FROM partner AS p",
)


async def written(town: Town) -> list[str]:
    return [await town.owner.fetchval(select) for select in WRITES]


@pytest.fixture(autouse=True)
async def nothing_is_written(town: Town) -> AsyncIterator[None]:
    before = await written(town)
    yield
    assert await written(town) == before


def address(town: Town, template: str) -> str:
    world = town.world
    return template.format(i=world.iys_code, b=world.brand_code, p=world.integrator_code)


async def send(
    town: Town, operation: tuple[str, str, str, str | None], content: Any, **headers: str
) -> Answer:
    method, template, _surface, who = operation
    sent = {
        **await town.authorization(who),
        "Content-Type": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await town.client.request(method, address(town, template), content=content, headers=sent)


def is_refusal(answer: Answer, surface: str) -> bool:
    """Say whether an answer is a 4xx in its surface's own shape."""
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text[:500])
    assert len(answer.content) < 1_000_000
    body = answer.json()
    match surface:
        case "iys":
            assert answer.headers["content-type"] == "application/json"
            assert list(body) == ["errors"]
            assert all({"code", "message"} <= set(error) for error in body["errors"])
        case "token":
            assert sorted(body) == ["error", "error_description"]
        case _:
            assert answer.headers["content-type"] == "application/problem+json"
            assert body["status"] == answer.status_code
            assert {"type", "title", "code"} <= set(body)
    return True


def named(operation: tuple[str, ...]) -> str:
    return f"{operation[0]} {operation[1]}"


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
async def test_what_is_not_json(town: Town, operation: tuple[str, str, str, str | None]) -> None:
    for name, content in NOT_JSON.items():
        answer = await send(town, operation, content)
        assert is_refusal(answer, operation[2]), name


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
async def test_json_of_another_type(
    town: Town, operation: tuple[str, str, str, str | None]
) -> None:
    for name, content in OF_ANOTHER_TYPE.items():
        if name == "an empty object" and operation[1].endswith(("/headers/YENI", "/grants/{p}")):
            continue  # all of their fields are optional
        answer = await send(town, operation, content)
        assert is_refusal(answer, operation[2]), name


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
async def test_a_body_that_is_too_large_announced_or_not(
    town: Town, operation: tuple[str, str, str, str | None]
) -> None:
    limit = 4_194_304 if operation[1].startswith(("/check", "/brands")) else 1_048_576

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 65_536):
            yield b" " * 65_536
        yield b"x"

    for content in (b" " * (limit + 1), chunks(limit)):
        answer = await send(town, operation, content)
        assert is_refusal(answer, operation[2])
        assert answer.status_code == 413
    # What is announced is refused before a byte of it has come.
    answer = await send(town, operation, chunks(0), Content_Length=str(10**18))
    assert (answer.status_code, is_refusal(answer, operation[2])) == (413, True)
    at_the_limit = await send(town, operation, b" " * limit)
    assert at_the_limit.status_code != 413
    assert is_refusal(at_the_limit, operation[2])


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize("length", ["-1", "x", "1_0", "١", "1e3", "+5", "0x10"])
async def test_a_content_length_that_is_no_number(
    town: Town, operation: tuple[str, str, str, str | None], length: str
) -> None:
    sent = await town.authorization(operation[3])
    headers = [
        *((name.encode(), value.encode()) for name, value in sent.items()),
        (b"Content-Length", length.encode()),
    ]
    answer = await town.client.request(
        operation[0], address(town, operation[1]), content=b"{}", headers=headers
    )
    assert (answer.status_code, is_refusal(answer, operation[2])) == (400, True)


@pytest.mark.parametrize("operation", JSON_OPERATIONS, ids=named)
async def test_ten_megabytes_of_nested_arrays(
    town: Town, operation: tuple[str, str, str, str | None]
) -> None:
    answer = await send(town, operation, b"[" * 10_000_000)
    assert (answer.status_code, is_refusal(answer, operation[2])) == (413, True)


GOOD_CONSENT = {**consent("+905990000001", consentDate="2026-03-02 14:05:09"), "status": "ONAY"}


@pytest.mark.parametrize("path", CONSENT_PATHS)
@pytest.mark.parametrize("field", [*GOOD_CONSENT, "retailerCode", "retailerAccess", "unknown"])
async def test_odd_values_in_every_field_of_a_consent(town: Town, path: str, field: str) -> None:
    for name, value in ODD_VALUES.items():
        body = {**GOOD_CONSENT, "consentDate": ago(hours=1), field: "@"}
        content = json.dumps(body).replace('"@"', value).encode()
        answer = await send(town, ("POST", path, "iys", "provider"), content)
        assert is_refusal(answer, "iys"), name
        assert answer.status_code in {400, 403, 422}


@pytest.mark.parametrize(
    ("path", "surface", "who", "body"),
    [
        ("/sps/{i}/brands/{b}/consents/status", "iys", "provider",
         {"recipient": "+905990000001", "type": "MESAJ", "recipientType": "BIREYSEL"}),
        ("/sps/{i}/brands/{b}/consents/BIREYSEL/status/MESAJ", "iys", "provider",
         {"recipients": ["+905990000001"]}),
        ("/oauth2/token", "token", None,
         {"grant_type": "password", "username": "test-provider", "password": "x"}),
        ("/oauth2/token", "token", None, {"grant_type": "refresh_token", "refresh_token": "x"}),
        ("/check", "own", "operator",
         {"brandCode": 600001, "header": HEADER, "type": "MESAJ", "recipient": "+905990000001",
          "recipientType": "BIREYSEL", "messageClass": "COMMERCIAL", "retailerCode": 12345678}),
        ("/accounts/providers", "own", "admin",
         {"title": "A", "taxNumber": "1234567890", "iysCode": 1, "masterBrandName": "B",
          "exemptionBasis": "EDUCATION"}),
        ("/accounts/providers/{i}/brands", "own", "provider", {"name": "A", "brandCode": 7}),
        ("/accounts/brands/{b}/retailers", "own", "provider",
         {"title": "A", "retailerCode": 12345678}),
        ("/accounts/operators", "own", "admin", {"title": "A", "brands": [1]}),
        ("/accounts/partners", "own", "admin", {"title": "A", "licenceValidUntil": "2030-01-01"}),
        ("/accounts/users", "own", "admin", {"username": "somebody", "role": "admin"}),
    ],
)  # fmt: skip
async def test_odd_values_in_every_field_of_other_bodies(
    town: Town, path: str, surface: str, who: str | None, body: dict[str, Any]
) -> None:
    harmless = {
        # Optional where null is as good as nothing, or free text.
        ("title", "*"), ("name", "*"), ("masterBrandName", "*"), ("iysCode", "null"),
        ("brandCode", "null"), ("retailerCode", "null"), ("brands", "null"),
        ("exemptionBasis", "null"), ("licenceValidUntil", "null"),
        ("header", "*"),
    }  # fmt: skip
    for field in body:
        for name, value in ODD_VALUES.items():
            if {(field, name), (field, "*")} & harmless and surface == "own":
                continue
            content = json.dumps({**body, field: "@"}).replace('"@"', value).encode()
            answer = await send(town, ("POST", path, surface, who), content)
            if answer.status_code == 404:
                assert path.endswith("/consents/status")
            assert is_refusal(answer, surface), (field, name)


@pytest.mark.parametrize("path", CONSENT_PATHS)
async def test_a_body_full_of_unknown_fields_is_answered_within_reason(
    town: Town, path: str
) -> None:
    body = {**GOOD_CONSENT, **{f"f{n}": n for n in range(60_000)}}
    answer = await send(town, ("POST", path, "iys", "provider"), json.dumps(body).encode())
    assert answer.status_code == 422
    assert is_refusal(answer, "iys")
    assert len(answer.json()["errors"]) == FAULTS_SHOWN_MAX


async def test_repeated_keys_are_one_key(town: Town) -> None:
    content = json.dumps(GOOD_CONSENT).replace('"status"', '"status": "RET", "status"')
    broken = content.replace('"ONAY"', '"EVET"').encode()
    answer = await send(town, ("POST", CONSENT_PATHS[0], "iys", "provider"), broken)
    assert "EVET" in {error.get("value") for error in answer.json()["errors"]}


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "multipart/form-data", "application/json; charset=utf-99", "/", "x" * 5_000],
)
async def test_an_odd_content_type_breaks_nothing(
    town: Town, operation: tuple[str, str, str, str | None], content_type: str
) -> None:
    answer = await send(town, operation, b'{"recipient": 5', Content_Type=content_type)
    assert is_refusal(answer, operation[2])


CODES = ("9" * 5_000, "-1", "%00", "..%2f..", "%F0%9F%98%80", "%ff", "1;2", "NaN", "1%0a", "😀")


@pytest.mark.parametrize("code", CODES, ids=range(len(CODES)))
@pytest.mark.parametrize(
    ("method", "pattern", "surface"),
    [
        ("GET", "/sps/@/brands", "iys"),
        ("POST", "/sps/@/brands/1/consents", "iys"),
        ("POST", "/sps/1/brands/@/consents/status", "iys"),
        ("POST", "/sps/1/brands/1/consents/@/status/MESAJ", "iys"),
        ("POST", "/sps/1/brands/1/consents/BIREYSEL/status/@", "iys"),
        ("POST", "/brands/@/consents/BIREYSEL/rejected/MESAJ", "iys"),
        ("POST", "/brands/1/consents/@/rejected/MESAJ", "iys"),
        ("PUT", "/accounts/brands/@/headers/YENI", "own"),
        ("PUT", "/accounts/brands/1/headers/@", "own"),
        ("PUT", "/accounts/@/1/state", "own"),
        ("POST", "/accounts/users/@/password", "own"),
        ("GET", "/accounts/@", "own"),
        ("GET", "/@", "own"),
        ("POST", "/sps/@", "iys"),
    ],
)
async def test_odd_codes_in_a_path(
    town: Town, method: str, pattern: str, surface: str, code: str
) -> None:
    who = "provider" if surface == "iys" else "admin"
    if pattern.startswith("/brands"):
        who = "operator"
    path = pattern.replace("@", code)
    answer = await town.post(path, {"recipients": [new_phone()]}, who=who, method=method)
    assert is_refusal(answer, surface)


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/", "own"), ("/nothing", "own"), ("/sps", "iys"), ("/sps/1", "iys"),
        ("/v2/sps/1/brands", "iys"), ("/integrator/1", "iys"), ("/info/village", "iys"),
        ("/oauth2", "token"), ("/oauth2/nothing", "token"), ("/brands", "iys"),
        ("/check/nothing", "own"), ("/accounts", "own"), ("/a" * 3_000, "own"),
    ],
)  # fmt: skip
async def test_a_lost_path_is_404_in_the_shape_of_its_surface(
    town: Town, path: str, surface: str
) -> None:
    for method in ("GET", "POST"):
        answer = await town.post(path, {}, method=method)
        assert (answer.status_code, is_refusal(answer, surface)) == (404, True)


@pytest.mark.parametrize(
    "path", ["/sps/{i}/brands/{b}/consents?recipient=x", "/sps/{i}/brands/{b}/status"]
)
async def test_paths_that_would_hold_an_address_are_not_routed(town: Town, path: str) -> None:
    method = "GET" if "?" in path else "POST"
    answer = await town.post(address(town, path), {}, method=method)
    assert answer.status_code in {404, 405}
    assert is_refusal(answer, "iys")
