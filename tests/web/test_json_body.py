import asyncio
from time import perf_counter

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from shared.web.json_body import NotJsonError, parse_json, read_body
from shared.web.problems import ProblemError

PATH = "/sps/1/brands/2/consents"


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b'"\xff"', b'"\\ud800"', b"NaN", b"1e999", b"9" * 400, b"{}{}", b'{"a":1,}'],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse_json(raw)


def test_a_byte_order_mark_is_skipped_and_the_last_of_two_keys_wins() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
async def test_no_content_type_is_needed(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.post(PATH, content=b'{"a":"\\u0000"}', headers=headers)
    assert answer.status_code == 200
    assert answer.json()["body"] == {"a": "\x00"}


@pytest.mark.parametrize(
    "raw",
    [b"[" * 10_000_000, b'{"a":' * 2_000_000, b'["\xed\xa0\x80"]'],
    ids=["lists", "objects", "surrogate"],
)
async def test_hostile_nesting_is_a_quick_clean_400(client: httpx.AsyncClient, raw: bytes) -> None:
    started_at = perf_counter()
    answer = await client.post(PATH, content=raw)
    assert perf_counter() - started_at < 2
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "H014"


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with pytest.raises(ProblemError) as caught:
        await read_body(request, seconds_max=0.01)
    assert caught.value.problem.status == 408
