"""A retailer as somebody asks to record it (iys-api 5)."""

from typing import Any

import pytest

from shared.domain.faults import ABSENT
from shared.domain.new_retailer import (
    NewRetailer,
    Place,
    RetailerStatus,
    read_new_retailer,
)
from tests.support.national_ids import mersis, tckn, vkn

GOOD: dict[str, Any] = {
    "title": "Kuzey Yapı Market San. ve Tic. A.Ş.",
    "name": "Deniz Örnek",
    "tckn": tckn(1),
    "tin": vkn(1),
    "city": {"code": "34", "name": "İstanbul"},
    "town": {"code": "429", "name": "Kadıköy"},
}
WHOLE: dict[str, Any] = {
    **GOOD,
    "mobile": "+905990000033",
    "alias": "Kadıköy Şubesi (2)",
    "mersis": mersis(1),
    "status": "passive",
}


def read(body: object) -> NewRetailer:
    found = read_new_retailer(body, admit_test_range=True)
    assert isinstance(found, NewRetailer), found
    return found


def codes(body: object) -> list[str]:
    found = read_new_retailer(body, admit_test_range=True)
    assert isinstance(found, tuple), found
    assert all(fault.location == () and fault.value is ABSENT for fault in found)
    return [fault.code for fault in found]


def test_a_retailer_is_read_as_it_was_written() -> None:
    assert read(WHOLE) == NewRetailer(
        title=GOOD["title"],
        name="Deniz Örnek",
        tckn=tckn(1),
        tin=vkn(1),
        city=Place("34", "İstanbul"),
        town=Place("429", "Kadıköy"),
        status=RetailerStatus.PASSIVE,
        mobile="+905990000033",
        alias="Kadıköy Şubesi (2)",
        mersis=mersis(1),
    )


def test_what_is_optional_may_be_left_out() -> None:
    found = read(GOOD)
    assert (found.mobile, found.alias, found.mersis) == (None, None, None)
    assert found.status is RetailerStatus.ACTIVE


def test_a_number_without_quotes_is_taken_for_its_digits() -> None:
    numbers = {"tckn": int(tckn(1)), "tin": int(tckn(2)), "mersis": 1234567891234567}
    found = read(
        GOOD
        | numbers
        | {"city": {"code": 34, "name": "İstanbul"}, "town": {"code": 1, "name": "Adalar"}}
    )
    assert (found.tckn, found.tin, found.mersis) == (tckn(1), tckn(2), "1234567891234567")
    assert (found.city.code, found.town.code) == ("34", "1")


@pytest.mark.parametrize("body", [None, [], "x", 5, [GOOD]])
def test_what_is_no_object_is_no_retailer(body: object) -> None:
    assert codes(body) == ["H090"]


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_field_is_told_before_anything_else(name: str) -> None:
    body = {key: value for key, value in WHOLE.items() if key != name} | {"status": "?"}
    assert codes(body) == ["H016"]


@pytest.mark.parametrize(
    "change",
    [
        {"retailerCode": 1},
        {"Title": "x"},
        {"city": {"code": "34", "name": "İstanbul", "plate": 34}},
        {"town": {"code": "1", "name": "Adalar", "city_code": 34}},
    ],
)
def test_an_unknown_field_is_refused(change: dict[str, Any]) -> None:
    assert codes(GOOD | change) == ["H016"]


EMPTY = {"title": "H214", "name": "H215", "tckn": "H216", "tin": "H288"}


@pytest.mark.parametrize(("name", "code"), EMPTY.items())
@pytest.mark.parametrize("value", ["", None])
def test_an_empty_field_has_a_code_of_its_own(name: str, code: str, value: object) -> None:
    assert codes(GOOD | {name: value}) == [code]


@pytest.mark.parametrize("name", ["title", "name"])
def test_blanks_alone_are_nothing(name: str) -> None:
    assert codes(GOOD | {name: " \t "}) == [EMPTY[name]]


PLACES = {"city": ("H217", "H218", "H219"), "town": ("H220", "H221", "H222")}


@pytest.mark.parametrize(("name", "expected"), PLACES.items())
def test_a_place_has_a_code_and_a_name(name: str, expected: tuple[str, str, str]) -> None:
    empty, code_empty, name_empty = expected
    unfit: list[object] = [None, {}, [], "İstanbul", 34]
    for nothing in unfit:
        assert codes(GOOD | {name: nothing}) == [empty]
    for fields, found in (
        ({"code": "", "name": "İstanbul"}, [code_empty]),
        ({"name": "İstanbul"}, [code_empty]),
        ({"code": None, "name": "İstanbul"}, [code_empty]),
        ({"code": [34], "name": "İstanbul"}, [code_empty]),
        ({"code": "34", "name": ""}, [name_empty]),
        ({"code": "34"}, [name_empty]),
        ({"code": "34", "name": 34}, [name_empty]),
        ({"code": "34", "name": "İstan\0bul"}, [name_empty]),
        ({"code": "34", "name": None}, [name_empty]),
        ({"code": " ", "name": " "}, [code_empty, name_empty]),
        ({"code": "34", "name": "x" * 256}, ["H017"]),
        ({"code": "3" * 256, "name": "x"}, ["H017"]),
    ):
        assert codes(GOOD | {name: fields}) == found, fields


@pytest.mark.parametrize("name", ["title", "name", "alias"])
def test_a_text_has_an_end_and_is_of_letters_and_digits(name: str) -> None:
    read(GOOD | {name: "Ş" * 255})
    assert codes(GOOD | {name: "Ş" * 256}) == ["H017"]
    for text in ("<b>Bayi</b>", "Bayi;DROP", "😀", "Bayi\0", "Bayi\nŞube", "...", "&", 7, ["x"]):
        assert codes(GOOD | {name: text}) == ["H229"], text


@pytest.mark.parametrize("text", ["A.Ş.", "O'Neill & Oğulları", "Şubesi", "1907"])
def test_the_signs_of_a_firms_name_are_taken(text: str) -> None:
    assert read(GOOD | {"title": text}).title == text


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_alias_is_no_alias(value: object) -> None:
    assert codes(GOOD | {"alias": value}) == ["H229"]


WRONG = [
    ("tckn", "1234567890", "H226"),
    ("tckn", "123456789012", "H226"),
    ("tckn", True, "H226"),
    ("tckn", [tckn(1)], "H226"),
    ("tckn", 1.5, "H226"),
    ("tckn", "12345678901", "H225"),
    ("tckn", "abcdefghijk", "H225"),
    ("tin", "123456789", "H244"),
    ("tin", "123456789012", "H244"),
    ("tin", {}, "H244"),
    ("tin", "1234567891", "H243"),
    ("tin", "12345678901", "H243"),
    ("mersis", "", "H228"),
    ("mersis", None, "H228"),
    ("mersis", 56518556720, "H228"),
    ("mersis", [], "H228"),
    ("mersis", "0123456789100015", "H227"),
    ("mersis", "abcdefghijklmnop", "H227"),
    ("mobile", "", "H224"),
    ("mobile", None, "H224"),
    ("mobile", 905990000033, "H224"),
    ("mobile", "05990000033", "H224"),
    ("mobile", "kisi@posta.example", "H224"),
    ("status", "", "H201"),
    ("status", None, "H201"),
    ("status", "ACTIVE", "H201"),
    ("status", ["active"], "H201"),
]


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
def test_a_wrong_value_has_its_code(name: str, value: object, code: str) -> None:
    assert codes(GOOD | {name: value}) == [code]


def test_several_fields_report_together_in_the_published_order() -> None:
    body = {
        "status": "?",
        "town": {"code": "", "name": ""},
        "city": {},
        "mobile": "1",
        "mersis": "1",
        "tin": "1",
        "tckn": "1",
        "alias": "?",
        "name": "",
        "title": "x" * 256,
    }
    assert codes(body) == [
        *("H017", "H215", "H229", "H226", "H244", "H228", "H224"),
        *("H217", "H221", "H222", "H201"),
    ]


def test_a_mobile_of_the_test_range_is_for_tests() -> None:
    found = read_new_retailer(WHOLE, admit_test_range=False)
    assert isinstance(found, tuple)
    assert [fault.code for fault in found] == ["H224"]
