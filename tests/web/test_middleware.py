import asyncio
import io
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.telemetry.metrics import render
from shared.web.access_log import ROUTE_KEY, route_template
from shared.web.body_limit import BodyLimit, BodyLimits
from shared.web.errors import ErrorRenderer
from shared.web.stack import wrap
from shared.web.tidy_path import tidied

PHONE = "+905990000001"


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def access_lines(output: io.BytesIO) -> list[dict[str, object]]:
    lines = [orjson.loads(line) for line in output.getvalue().splitlines()]
    return [line for line in lines if line["event"] == "http.request.answered"]


async def test_a_body_within_the_limit_passes(client: httpx.AsyncClient) -> None:
    assert (await client.post("/accounts/stored", content=b"x" * 10)).text == "10"
    streamed = await client.post("/accounts/stored", content=chunks(b"x" * 5, b"x" * 5))
    assert streamed.text == "10"


async def test_an_announced_body_beyond_the_limit_is_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/accounts/stored", content=b"x" * 11)
    assert answer.status_code == 413
    assert answer.json()["code"] == "BODY_TOO_LARGE"
    assert answer.headers["connection"] == "close"


async def test_a_streamed_body_beyond_the_limit_is_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/accounts/stored", content=chunks(b"x" * 9, b"x", b"x"))
    assert answer.status_code == 413
    assert answer.json()["code"] == "BODY_TOO_LARGE"


async def test_the_limit_answers_in_the_dialect_of_the_path(client: httpx.AsyncClient) -> None:
    headers = {"Content-Length": "99999999"}
    wire = await client.post("/sps/1/brands/2/consents", content=b"{}", headers=headers)
    token = await client.post("/oauth2/token", content=b"{}", headers=headers)
    assert (wire.status_code, wire.json()["errors"][0]["code"]) == (413, "H085")
    assert (token.status_code, token.json()["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("length", ["x", "-1", "+5", "1_0", "²", ""])
async def test_a_bad_content_length_is_400(client: httpx.AsyncClient, length: str) -> None:
    headers = [(b"Content-Length", length.encode())]
    answer = await client.post("/accounts/stored", content=b"x", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "BAD_CONTENT_LENGTH"


@pytest.mark.parametrize("length", ["9" * 5_000, "0" * 5_000 + "11"])
async def test_an_absurd_content_length_is_413(client: httpx.AsyncClient, length: str) -> None:
    headers = {"Content-Length": length}
    answer = await client.post("/accounts/stored", content=b"x", headers=headers)
    assert answer.status_code == 413


async def test_a_body_that_never_ends_is_408_where_the_handler_has_no_clock() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def send(message: Message) -> None:
        sent.append(message)

    sent: list[Message] = []
    pieces: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    scope = {"type": "http", "method": "POST", "path": "/accounts/x", "headers": []}
    await BodyLimit(app, limits=BodyLimits(10, seconds_max=0.01))(scope, receive, send)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_the_longest_prefix_gives_the_limit() -> None:
    limits = BodyLimits(5, {"/check": 10, "/check/stream": None})
    assert limits.bytes_max("/check/batch") == 10
    assert limits.bytes_max("/check/stream") is None
    assert limits.bytes_max("/sps") == 5


async def test_a_sane_request_id_is_kept_and_another_is_replaced(
    client: httpx.AsyncClient,
) -> None:
    sane = await client.get("/check/typed/1", headers={"X-Request-Id": "a.B-9_z"})
    assert sane.headers["x-request-id"] == "a.B-9_z"
    for odd in ("a b", "x" * 65, "", PHONE, PHONE[1:], 'a"b'):
        answer = await client.get("/check/typed/1", headers={"X-Request-Id": odd})
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers.get_list("x-request-id") == [answer.headers["x-request-id"]]


@pytest.mark.parametrize(
    ("given", "path", "query"),
    [
        ("//check//typed/1", "/check/typed/1", ""),
        ("/check/typed/1/", "/check/typed/1", ""),
        ("/check/typed/1?", "/check/typed/1", ""),
        ("/check/typed/1?a=1&", "/check/typed/1", "a=1"),
        ("/check/typed/1/?&", "/check/typed/1", ""),
    ],
)
async def test_a_badly_glued_address_is_understood(
    client: httpx.AsyncClient, given: str, path: str, query: str
) -> None:
    answer = await client.get("http://test" + given)
    assert answer.json() == {"count": 1, "path": path, "query": query}


def test_the_root_stays_the_root() -> None:
    assert (tidied("/"), tidied("//"), tidied("")) == ("/", "/", "")


async def test_every_answer_forbids_sniffing_and_storing(client: httpx.AsyncClient) -> None:
    for path in ("/check/typed/1", "/nothing"):
        answer = await client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_one_line_a_request_with_the_template_and_not_the_path(
    client: httpx.AsyncClient, log_output: io.BytesIO
) -> None:
    answer = await client.post("/v2/sps/7/brands/8/consents", content=b"[]")
    await client.post("/accounts/stored", content=b"x")
    first, second = access_lines(log_output)
    assert first["route"] == "/v2/sps/{iys_code}/brands/{brand_code}/consents"
    assert (first["service"], first["method"], first["status"]) == ("registry", "POST", 200)
    assert first["request_id"] == answer.headers["x-request-id"]
    assert first["bytes"] == len(answer.content)
    assert isinstance(first["duration_ms"], float)
    assert second["route"] == "/accounts/stored"


async def test_a_failure_is_one_line_with_its_status(
    client: httpx.AsyncClient, log_output: io.BytesIO
) -> None:
    await client.post("/accounts/fail/unknown")
    await client.post("/accounts/stored", content=b"x" * 11)
    assert [(line["status"], line["route"]) for line in access_lines(log_output)] == [
        (500, "/accounts/fail/{kind}"),
        (413, "unmatched"),
    ]


async def test_no_log_and_no_metric_holds_an_address(
    client: httpx.AsyncClient, log_output: io.BytesIO
) -> None:
    mail = "ayse@posta.example"
    await client.get(f"/nothing/{PHONE}?recipient={PHONE}&mail={mail}")
    await client.request(PHONE[1:], f"/check/typed/{mail}")
    await client.post("/accounts/fail/unknown", content=PHONE.encode())
    await client.post(f"/sps/{PHONE}/brands/{mail}/consents", content=b'{"recipient":"%s"}')
    await client.get("/check/typed/1", headers={"X-Request-Id": mail, "User-Agent": PHONE})
    for written in (log_output.getvalue(), render()[0]):
        assert b"905990000001" not in written
        assert b"ayse" not in written
    assert access_lines(log_output)[0]["route"] == "unmatched"


async def test_what_breaks_outside_of_the_app_is_answered_too(log_output: io.BytesIO) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError(PHONE)

    renderer = ErrorRenderer()
    wrapped = wrap(broken, service="check", limits=BodyLimits(10), renderer=renderer)
    transport = httpx.ASGITransport(wrapped)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/check")
    assert answer.status_code == 500
    assert answer.json()["code"] == "INTERNAL"
    assert b"905990000001" not in log_output.getvalue()


async def test_an_answer_that_breaks_off_stays_broken_off() -> None:
    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        raise LookupError

    renderer = ErrorRenderer()
    wrapped = wrap(half, service="check", limits=BodyLimits(10), renderer=renderer)
    transport = httpx.ASGITransport(wrapped)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(LookupError):
            await client.get("/check")


def test_a_bare_shell_names_its_own_template() -> None:
    assert route_template({"type": "http", ROUTE_KEY: "/check"}) == "/check"


async def test_lifespan_passes_through_every_layer() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(_message: Message) -> None:
        return None

    renderer = ErrorRenderer()
    wrapped = wrap(app, service="check", limits=BodyLimits(10), renderer=renderer)
    await wrapped({"type": "lifespan"}, receive, send)
    assert seen == ["lifespan"]
