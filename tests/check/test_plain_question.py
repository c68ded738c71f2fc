"""What the hot path reads of a body is what the app reads of it, however odd, and however often it came."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.check import plain_question
from services.check.plain_question import PlainQuestions
from services.check.question import InvalidQuestionError, read_single
from shared.domain.exemptions import MessageClass
from shared.sealing.addresses import Digester, block_of
from shared.sealing.keyring import new_key_ring
from shared.web.json_body import NotJsonError, parse_json
from tests.support.builders import HEADER

DIGESTER = Digester(new_key_ring())
NUMBER = "+905990000001"
IN_USE = f"+90532{1:07d}"  # of a range that is in use
GOOD = {"brandCode": 600001, "type": "MESAJ", "recipient": NUMBER}


def questions() -> PlainQuestions:
    return PlainQuestions(DIGESTER, admit_test_range=True)


def expected(body: bytes) -> tuple[object, str] | None:
    """Return what the app reads, where that is a plain question."""
    try:
        question = read_single(parse_json(body), admit_test_range=True)
    except (InvalidQuestionError, NotJsonError):
        return None
    if question.message_class is not MessageClass.COMMERCIAL or question.retailer_code:
        return None
    (recipient,) = question.recipients
    assert recipient is not None
    return (
        question.brand_code,
        question.header,
        question.channel,
        question.recipient_type,
    ), recipient


def as_read(reader: PlainQuestions, body: bytes) -> tuple[object, bytes] | None:
    read = reader.read(body)
    if read is None:
        return None
    sender, sixteen = read
    question = sender.question
    assert (question.recipients, sender.header) == ((), question.header or "")
    said = (question.brand_code, question.header, question.channel, question.recipient_type)
    return said, sixteen


def sixteen_of(recipient: str) -> bytes:
    return DIGESTER.digest(recipient) if "@" in recipient else block_of(recipient)


def agree(reader: PlainQuestions, body: bytes) -> None:
    should, found = expected(body), as_read(reader, body)
    if found is None:
        # A mark at the beginning is forgiven by the app alone; everything else that is plain is read here.
        assert should is None or body.startswith(b"\xef\xbb\xbf")
    else:
        assert should is not None
        assert found == (should[0], sixteen_of(should[1]))


ODD = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b'"+905990000001"',
    b'"+905990000001',
    b'{"+905990000001":1}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001"',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001"}}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001\\u0031"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"\\u002b905990000001"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":" +905990000001"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+9059900000012"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+90599000000"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001","recipient":"+905990000002"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000002","recipient":"+905990000001"}',
    b'{"recipient":"+905990000001","brandCode":600001,"type":"MESAJ","recipient":"a@posta.example"}',
    b'{"brandCode":600001,"type":"MESAJ","header":"+905990000001","recipient":"+905990000002"}',
    b'{"brandCode":600001,"type":"MESAJ","header":"+905990000002","recipient":"+905990000002"}',
    b'{"header":"+905990000001","type":"MESAJ","recipient":"+14155552671"}',
    b'{"brandCode":"+905990000001","type":"MESAJ","recipient":"+905990000002"}',
    b'{"brandCode":600001,"type":"EPOSTA","recipient":"+905990000001"}',
    b'{"brandCode":600001,"type":"EPOSTA","recipient":"A@posta.example"}',
    b'{"brandCode":600001,"type":"ARAMA","recipient":"+902121110022"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+902121110022"}',
    b'\xef\xbb\xbf{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001"}\xff',
    b'{"brandCode":600001,"type":"MESAJ","recipient":"+905990000001","header":"\xff"}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":["+905990000001"]}',
    b'{"brandCode":600001,"type":"MESAJ","recipient":{"a":"+905990000001"}}',
    b"[" * 900 + b'"+905990000001"' + b"]" * 900,
]


@pytest.mark.parametrize("body", ODD)
def test_what_is_odd_is_read_as_the_app_reads_it(body: bytes) -> None:
    reader = questions()
    for _again in range(3):  # also when it is remembered
        agree(reader, body)
        agree(reader, body.replace(b"+905990000001", b"+905990000003"))
        agree(reader, body.replace(b"+905990000001", IN_USE.encode()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"brandCode": 1}, {"brandCode": True}),
        ({"brandCode": 1}, {"brandCode": 1.0}),
        ({"brandCode": 1}, {"brandCode": "1"}),
        ({"brandCode": 12}, {"brandCode": "012"}),
        ({"header": "A"}, {"header": ["A"]}),
        ({"header": "AB"}, {"brandCode": 1, "header": "AB"}),
        ({"messageClass": "COMMERCIAL"}, {"messageClass": "LEGAL_NOTICE"}),
        ({"retailerCode": 12345678}, {}),
        ({"recipientType": "TACIR"}, {"recipientType": "BIREYSEL"}),
    ],
)
def test_bodies_that_look_alike_are_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    for first, second in ((one, other), (other, one)):
        reader = questions()
        for _again in range(3):
            for changes in (first, second):
                body = {**GOOD, **changes}
                if "header" in changes and "brandCode" not in changes:
                    del body["brandCode"]
                agree(reader, json.dumps(body).encode())


WORDS = st.sampled_from(
    [
        *("brandCode", "header", "type", "recipientType", "messageClass", "retailerCode"),
        *("recipient", "x"),
    ]
)
WORTHS: list[Any] = [
    *("MESAJ", "ARAMA", "EPOSTA", "TACIR", "BIREYSEL", "COMMERCIAL", "LEGAL_NOTICE"),
    *(NUMBER, IN_USE, "a@posta.example", HEADER, 600001, "600001", 1.0, True),
    *(None, [], {}, 12345678, "\\", '"', "\u0000", "+90", '"+905990000001"'),
]
VALUES: st.SearchStrategy[Any] = st.sampled_from(WORTHS) | st.text(max_size=4)
PAIRS = st.lists(st.tuples(WORDS, VALUES), max_size=6)
# One reader for all examples: what one body has taught it must not be wrong about another.
SHARED = questions()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(pairs=PAIRS, good=st.booleans(), gap=st.sampled_from(["", " ", "\n"]))
def test_whatever_comes_is_read_as_the_app_reads_it(
    *, pairs: list[tuple[str, object]], good: bool, gap: str
) -> None:
    """Pairs are written one after the other, so names may stand twice."""
    shown = [*GOOD.items(), *pairs] if good else pairs
    text = ",".join(f"{gap}{json.dumps(k)}:{gap}{json.dumps(v)}" for k, v in shown)
    body = ("{" + text + "}").encode()
    agree(SHARED, body)
    agree(SHARED, body.replace(b"+905990000001", b"+905990000009"))
    agree(questions(), body)


def test_what_was_read_once_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = questions()
    first = as_read(reader, json.dumps(GOOD).encode())
    monkeypatch.setattr(plain_question, "read_single", None)  # it would fail
    for n in range(5):
        number = f"+90599000{n:04d}"
        read = as_read(reader, json.dumps({**GOOD, "recipient": number}).encode())
        assert first is not None
        assert read == (first[0], block_of(number))


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_question, "REMEMBERED_MAX", 5)
    monkeypatch.setattr(plain_question, "SENDERS_MAX", 3)
    reader = questions()
    for n in range(1, 30):
        agree(reader, json.dumps({**GOOD, "brandCode": n}).encode())
        assert len(reader._remembered) <= 5
        assert len(reader._senders) <= 3
    agree(reader, json.dumps(GOOD).encode() + b" " * 2_000)
    assert max(len(before) + len(after) for before, after in reader._remembered) < 200


def test_without_the_test_range_it_is_no_plain_question() -> None:
    strict = PlainQuestions(DIGESTER, admit_test_range=False)
    assert strict.read(json.dumps(GOOD).encode()) is None
    assert strict.read(json.dumps({**GOOD, "recipient": IN_USE}).encode()) is not None
