import io

import httpx
import orjson
import pytest

IYS, TOKEN, OWN = "/sps/fail/", "/oauth2/fail/", "/accounts/fail/"


async def test_a_broken_rule_is_the_errors_list_on_the_wire(client: httpx.AsyncClient) -> None:
    answer = await client.post(IYS + "rule")
    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert error.pop("message")
    assert error == {
        "code": "H178",
        "location": ["consentDate"],
        "value": "2026-03-02 14:05:09",
    }


async def test_a_broken_rule_is_a_problem_on_our_own_surface(client: httpx.AsyncClient) -> None:
    answer = await client.post(OWN + "rule")
    assert answer.status_code == 422
    assert answer.json()["code"] == "RULE_BROKEN"
    assert answer.json()["errors"][0]["code"] == "H178"
    assert answer.json()["errors"][0]["pointer"] == "/consentDate"


async def test_the_token_limit_is_readable_in_every_shape(client: httpx.AsyncClient) -> None:
    answer = await client.post(TOKEN + "limit")
    body = answer.json()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "90")
    assert body["errors"][0]["code"] == body["code"] == "H084"
    assert body["errors"][0]["message"] == body["message"] == body["error_description"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_refused_token_is_the_oauth_pair(client: httpx.AsyncClient) -> None:
    answer = await client.post(TOKEN + "oauth")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_problem_document_has_its_members(client: httpx.AsyncClient) -> None:
    answer = await client.post(OWN + "problem", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:izin:problem:INVALID_FIELD",
        "title": "A field is missing or wrong",
        "status": 422,
        "code": "INVALID_FIELD",
        "detail": "Look.",
        "errors": [{"pointer": "/header", "code": "INVALID_FIELD", "detail": "is too long"}],
        "request_id": "abc-1",
    }


@pytest.mark.parametrize("prefix", [IYS, OWN])
async def test_missing_credentials_say_how_to_log_in(
    client: httpx.AsyncClient, prefix: str
) -> None:
    answer = await client.post(prefix + "login")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("prefix", [IYS, TOKEN, OWN])
async def test_an_unknown_exception_leaks_no_text(
    client: httpx.AsyncClient, log_output: io.BytesIO, prefix: str
) -> None:
    answer = await client.post(prefix + "unknown", headers={"X-Request-Id": "abc-2"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "RuntimeError" not in answer.text
    assert answer.headers["x-request-id"] == "abc-2"
    if prefix == OWN:
        assert answer.json()["request_id"] == "abc-2"
    else:
        assert answer.json()["errors"][0]["code"] == "H015"
    logged = [orjson.loads(line) for line in log_output.getvalue().splitlines()]
    (failure,) = [line for line in logged if line["event"] == "http.request.failed"]
    assert failure["request_id"] == "abc-2"
    assert "RuntimeError: secret text about [address]" in failure["exception"]


@pytest.mark.parametrize(("prefix", "code"), [(IYS, "H192"), (TOKEN, "H192"), (OWN, "")])
async def test_an_outage_is_503_with_retry_after(
    client: httpx.AsyncClient, prefix: str, code: str
) -> None:
    answer = await client.post(prefix + "ledger")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    body = answer.json()
    assert body["errors"][0]["code"] == code if code else body["code"] == "LEDGER_UNAVAILABLE"


async def test_a_client_that_left_is_no_server_fault(
    client: httpx.AsyncClient, log_output: io.BytesIO
) -> None:
    assert (await client.post(OWN + "left")).status_code == 499
    assert b"http.request.failed" not in log_output.getvalue()


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [("/sps/nothing", "errors", "H355"), ("/accounts/no", "code", "NOT_FOUND")],
)
async def test_a_lost_route_is_404_in_the_dialect_of_its_path(
    client: httpx.AsyncClient, path: str, key: str, value: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert value in orjson.dumps(answer.json()[key]).decode()


async def test_a_lost_route_below_the_token_endpoint_is_the_oauth_pair(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/oauth2/nothing")
    assert answer.status_code == 404
    assert answer.json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", [IYS + "rule", OWN + "rule", "/accounts/stored"])
async def test_a_wrong_method_is_405_and_says_what_is_allowed(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.put(path)
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]


async def test_a_path_value_of_the_wrong_type_has_its_published_code(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/sps/x/brands/y/consents", content=b"{}")
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [(e["code"], e["location"], e["value"]) for e in errors] == [
        ("H190", ["iys_code"], "x"),
        ("H191", ["brand_code"], "y"),
    ]


async def test_a_query_value_has_its_published_code(client: httpx.AsyncClient) -> None:
    wrong = await client.get("/sps/1/brands/2/consents/changes?limit=many")
    missing = await client.get("/sps/1/brands/2/consents/changes")
    assert [e["code"] for e in wrong.json()["errors"]] == ["H183"]
    assert "value" not in missing.json()["errors"][0]


async def test_validation_on_our_own_surface_points_at_the_field(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/check/typed/x")
    assert answer.status_code == 422
    assert answer.json()["code"] == "INVALID_FIELD"
    assert answer.json()["errors"][0]["pointer"] == "/count"
