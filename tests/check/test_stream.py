"""`POST /check/stream`: a line for each line, in order, without the address, and one that says the end."""

import itertools
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from services.check.schemas import StreamEnd, StreamLine
from services.check.stream import LINE_BYTES_MAX, LineSplitter
from tests.check.lists import ask_list, parsed
from tests.registry.doors import Answer, Town, ago, consent, new_phone, refusal
from tests.support.builders import HEADER

LONG = "1" * LINE_BYTES_MAX
MARK = b"\xef\xbb\xbf"


def reasons(answer: Answer) -> list[str]:
    """Return the reasons of a list that was answered to its end, after a look at every line."""
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    *lines, end = parsed(answer.content)
    StreamEnd.model_validate(end, strict=True)
    for number, line in enumerate(lines, 1):
        StreamLine.model_validate(line, strict=True)
        assert list(line) == ["line", "allowed", "reason"]
        assert line["line"] == number
        assert line["allowed"] == (line["reason"] in {"CONSENT", "MERCHANT_ON_RECORD", "EXEMPT"})
    given = [str(line["reason"]) for line in lines]
    assert end["counts"] == {reason: given.count(reason) for reason in set(given)}
    return given


async def test_every_line_has_one_answer_in_order(town: Town) -> None:
    granted, refused, unknown, blocked = (new_phone() for _ in range(4))
    await town.add(consent(granted))
    await town.add(consent(refused, consentDate=ago(hours=3)))
    await town.add(refusal(refused, consentDate=ago(hours=2)))
    await town.add(refusal(blocked))
    asked = [unknown, "x", granted, refused, granted, "", blocked, f" {granted}", LONG]
    answer = await ask_list(town, asked)
    bad = "INVALID_RECIPIENT"
    assert reasons(answer) == [
        *("NO_RECORD", bad, "CONSENT", "REFUSED", "CONSENT", bad, "REFUSED", bad, bad),
    ]
    assert parsed(answer.content)[-1]["position"] == await town.head()
    for address in (granted, refused, unknown, blocked):
        assert address.encode() not in answer.content


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{a}\n{b}\n", "CN"),
        ("{a}\n{b}", "CN"),
        ("{a}\r\n{b}\r\n", "CN"),
        ("{a}\r\n{b}\r", "CN"),
        ("\ufeff{a}\n{b}\n", "CN"),
        ("\ufeff\n{a}", "IC"),
        ("{a}\n\ufeff{a}", "CI"),
        ("{a}\n\n{b}\n\n", "CINI"),
        ("\n", "I"),
        ("\r\n", "I"),
        ("", ""),
        ("\ufeff", ""),
        ("{a}\r\r\n{b}", "IN"),
        ("{a}\0\n{b}", "IN"),
        (f"{LONG}{LONG}\n{{b}}\n", "IN"),
        (f"{{a}}\n{LONG}{LONG}", "CI"),
        ("{a},{b}\n", "I"),
    ],
)
async def test_what_a_line_is(town: Town, body: str, expected: str) -> None:
    granted, unknown = new_phone(), new_phone()
    await town.add(consent(granted))
    answer = await ask_list(town, body.replace("{a}", granted).replace("{b}", unknown))
    assert "".join(reason[0] for reason in reasons(answer)) == expected
    assert parsed(answer.content)[-1]["position"] == (await town.head() if expected else None)


async def test_bytes_that_are_no_text_are_no_address(town: Town) -> None:
    granted = new_phone()
    await town.add(consent(granted))
    body = b"\xff\xfe\n" + granted.encode() + b"\n\xc3\n" + granted.encode() + b"\xa0\n"
    bad = "INVALID_RECIPIENT"
    assert reasons(await ask_list(town, body)) == [bad, "CONSENT", bad, bad]


async def test_a_list_is_answered_as_a_batch_is(town: Town) -> None:
    numbers = [new_phone() for _ in range(2_500)]
    for n in (0, 999, 1_000, 2_499):
        await town.add(consent(numbers[n]))
    body = {"brandCode": town.world.brand_code, "type": "MESAJ", "recipients": numbers}
    batch = await town.post("/check/batch", body, who="operator")
    given = reasons(await ask_list(town, numbers))
    assert given == batch.json()["results"]
    assert given.count("CONSENT") == 4


async def test_the_sender_decides_for_every_line(town: Town) -> None:
    numbers = [new_phone(), "x"]
    bad = "INVALID_RECIPIENT"
    for query, who, reason, position in (
        ({"brandCode": 999}, "operator", "SENDER_NOT_REGISTERED", None),
        ({"header": "KIMSE"}, "operator", "HEADER_MISMATCH", None),
        ({"header": HEADER}, "operator", "NO_RECORD", await town.head()),
        ({"header": HEADER, "brandCode": 999}, "operator", "SENDER_NOT_REGISTERED", None),
        ({}, "admin", "NOT_AUTHORISED", await town.head()),
        ({"recipientType": "TACIR"}, "operator", "REGISTER_ADDRESS_FIRST", await town.head()),
        ({"messageClass": "LEGAL_NOTICE"}, "operator", "EXEMPT", await town.head()),
    ):
        answer = await ask_list(town, numbers, who=who, **query)
        assert reasons(answer) == [reason, bad]
        assert parsed(answer.content)[-1]["position"] == position


async def test_a_retailers_access_is_looked_at_line_by_line(town: Town) -> None:
    code = town.world.retailer_code
    shared, bare = new_phone(), new_phone()
    await town.add(consent(shared, retailerAccess=[code]))
    await town.add(consent(bare))
    answer = await ask_list(town, [shared, bare], retailerCode=code)
    assert reasons(answer) == ["CONSENT", "NOT_AUTHORISED"]


class Unread:
    """A body that must not be looked at."""

    touched = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.touched = True
        yield b"+905990000001\n"


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("", ["/brandCode", "/type"]),
        ("=x", ["", "/brandCode", "/type"]),
        ("brandCode=600001", ["/type"]),
        ("brandCode=x&type=SMS", ["/brandCode", "/type"]),
        ("brandCode=600001&type=MESAJ&type=MESAJ", ["/type"]),
        ("brandCode=600001&type=MESAJ&recipient=x", ["/recipient"]),
        ("brandCode=600001&type=MESAJ&recipients=x", ["/recipients"]),
        ("brandCode=600001&type=MESAJ&extra=", ["/extra"]),
        ("header=DENEME&type=ARAMA", ["/header"]),
        ("brandCode=600001&type=MESAJ&messageClass=ADVERT", ["/messageClass"]),
        ("brandCode=&type=MESAJ&retailerCode=1", ["/brandCode", "/retailerCode"]),
    ],
)
async def test_what_is_no_question_is_refused_before_anything_is_read(
    town: Town, query: str, pointers: list[str]
) -> None:
    body = Unread()
    headers = await town.authorization("operator")
    answer = await town.client.post(f"/check/stream?{query}", content=body, headers=headers)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["code"] == "INVALID_QUESTION"
    assert sorted(error["pointer"] for error in problem["errors"]) == pointers
    assert not body.touched


@pytest.mark.parametrize("who", [None, "Bearer a.b.c", "Basic eDp5"])
async def test_nothing_is_read_for_a_stranger(town: Town, who: str | None) -> None:
    body = Unread()
    answer = await town.client.post(
        "/check/stream?nonsense=1", content=body, headers=await town.authorization(who)
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_AUTHENTICATED")
    assert not body.touched


async def test_a_key_that_was_taken_away_is_a_stranger_s(town: Town) -> None:
    """Also where the key was good a moment ago, and is remembered."""
    new = (await town.post("/accounts/operators", {"title": "Yeni"}, who="admin")).json()
    key = f"Bearer {new['apiKey']}"
    assert reasons(await ask_list(town, [new_phone()], who=key)) == ["NO_RECORD"]
    await town.post(f"/accounts/users/{new['username']}/key", b"", who="admin")
    answer = await ask_list(town, [new_phone()], who=key)
    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_AUTHENTICATED")


async def test_a_list_may_be_larger_than_any_body(town: Town) -> None:
    """Four megabytes is the limit elsewhere; here it is none, announced or not."""
    line = b"x" * 1023 + b"\n"
    bodies: list[bytes | Repeated] = [line * 5_000, Repeated(line, 5_000)]
    for body in bodies:
        answer = await ask_list(town, body)
        assert parsed(answer.content)[-1]["counts"] == {"INVALID_RECIPIENT": 5_000}


class Repeated:
    """The same bytes again and again, without a length that anybody knows."""

    def __init__(self, data: bytes, times: int) -> None:
        self._data, self._times = data, times

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._times):
            yield self._data


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Yield every way to cut in three, and one byte at a time."""
    for a, b in itertools.combinations_with_replacement(range(len(data) + 1), 2):
        yield [data[:a], data[a:b], data[b:]]
    yield [data[n : n + 1] for n in range(len(data))]


def test_where_the_pieces_are_cut_does_not_matter() -> None:
    data = MARK + b"one\r\n\r\n\ntwo\r" + MARK + b"\nthree"
    expected = [b"one", b"", b"", b"two\r" + MARK, b"three"]
    for pieces in cuts(data):
        splitter = LineSplitter()
        lines = [line for piece in pieces for line in splitter.feed(piece)]
        assert lines + splitter.end() == expected


@pytest.mark.parametrize("size", [1, 7, 1_024, 1_025, 1_030, 100_000])
def test_the_longest_line_is_the_same_however_it_comes(size: int) -> None:
    good, bad = b"1" * LINE_BYTES_MAX, b"1" * (LINE_BYTES_MAX + 1)
    data = MARK + good + b"\r\n" + good + b"\n" + bad + b"\n" + bad + b"\r\n" + b"2\n" + bad
    splitter = LineSplitter()
    lines: list[Any] = []
    for at in range(0, len(data), size):
        lines += splitter.feed(data[at : at + size])
    assert lines + splitter.end() == [good, good, None, None, b"2", None]


def test_a_line_without_end_is_not_kept() -> None:
    splitter = LineSplitter()
    for _ in range(10_000):
        assert splitter.feed(b"1" * 1_000) == []
        assert len(splitter._rest) <= 1_100
    assert splitter.feed(b"\n3") == [None]
    assert splitter.end() == [b"3"]
