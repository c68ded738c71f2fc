"""The two questions of the wire (iys-api 4.6, 4.7)."""

import pytest

from shared.domain.consent import Channel, RecipientType
from shared.domain.faults import ABSENT
from shared.domain.read_question import Question, read_question, read_recipients

GOOD = {"recipient": "Ayse@Mail.Example", "recipientType": "TACIR", "type": "EPOSTA"}


def ask(body: object) -> list[tuple[str, tuple[str | int, ...], object]]:
    faults = read_question(body, admit_test_range=True)
    assert isinstance(faults, tuple)
    return [(fault.code, fault.location, fault.value) for fault in faults]


def ask_list(
    body: object, channel: Channel = Channel.SMS
) -> list[tuple[str, tuple[str | int, ...], object]]:
    faults = read_recipients(body, channel, count_max=3, admit_test_range=True)
    assert isinstance(faults, tuple)
    return [(fault.code, fault.location, fault.value) for fault in faults]


def test_r17_a_question_finds_the_address_as_it_is_kept() -> None:
    assert read_question(GOOD, admit_test_range=True) == Question(
        "ayse@mail.example", Channel.EMAIL, RecipientType.MERCHANT
    )


@pytest.mark.parametrize(
    ("name", "code"), [("recipient", "H114"), ("recipientType", "H170"), ("type", "H111")]
)
def test_a_question_needs_all_three_fields(name: str, code: str) -> None:
    body = {key: value for key, value in GOOD.items() if key != name}
    assert ask(body) == [(code, (name,), ABSENT)]


@pytest.mark.parametrize("value", [None, "", "x", 7, []])
@pytest.mark.parametrize(
    ("name", "code"), [("recipient", "H120"), ("recipientType", "H116"), ("type", "H117")]
)
def test_c12_a_question_with_an_unfit_value_is_refused(name: str, code: str, value: object) -> None:
    assert ask(GOOD | {name: value}) == [(code, (name,), value)]


def test_faults_of_a_question_come_in_the_order_of_the_fields() -> None:
    assert [code for code, _, _ in ask({})] == ["H114", "H111", "H170"]
    assert [code for code, _, _ in ask(GOOD | {"recipient": "x", "recipientType": "?"})] == [
        "H120",
        "H116",
    ]
    long = {"recipient": "+0554321323223333333333", "type": "ARAMA", "recipientType": "TACIR"}
    assert [code for code, _, _ in ask(long)] == ["H166"]


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_what_is_no_object_is_no_question(body: object) -> None:
    assert ask(body) == [("H097", (), ABSENT)]


def test_a_list_keeps_its_order() -> None:
    body = {"recipients": ["+905990000002", "+905990000001"]}
    assert read_recipients(body, Channel.CALL, count_max=2, admit_test_range=True) == [
        "+905990000002",
        "+905990000001",
    ]


@pytest.mark.parametrize(
    ("body", "code", "value"),
    [
        ([], "H168", ABSENT),
        (None, "H168", ABSENT),
        ({}, "H168", ABSENT),
        ({"recipients": {}}, "H478", {}),
        ({"recipients": None}, "H478", None),
        ({"recipients": []}, "H164", []),
        ({"recipients": ["+905990000001"] * 4}, "H127", ABSENT),
    ],
)
def test_a_list_has_a_shape(body: object, code: str, value: object) -> None:
    assert ask_list(body) == [(code, ("recipients",), value)]


def test_every_bad_address_of_a_list_is_named_and_every_repeat_has_its_place() -> None:
    assert ask_list({"recipients": ["test@mail.example", 7, "+1"]}) == [
        ("H464", ("recipient",), "test@mail.example"),
        ("H121", ("recipient",), 7),
        ("H121", ("recipient",), "+1"),
    ]
    emails = {"recipients": ["a@mail.example", "b@mail.example", "A@mail.example"]}
    assert ask_list(emails, Channel.EMAIL) == [("H193", ("recipients", 2), "A@mail.example")]
