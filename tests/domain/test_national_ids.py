"""Check digits of TCKN, VKN and MERSIS: a slip of the hand is noticed."""

import pytest

from shared.domain.national_ids import is_mersis, is_tckn, is_tin, is_vkn
from tests.support.national_ids import mersis, tckn, vkn

# The number of every primer, and those of the published examples.
KNOWN_TCKN = ["10000000146", "57703411244"]
KNOWN_VKN = ["1234567890", "8450525470"]
MANY = range(0, 900_000, 1_733)


@pytest.mark.parametrize("number", KNOWN_TCKN)
def test_a_known_tckn_is_one(number: str) -> None:
    assert is_tckn(number)
    assert is_tin(number)
    assert not is_vkn(number)


@pytest.mark.parametrize("number", KNOWN_VKN)
def test_a_known_vkn_is_one(number: str) -> None:
    assert is_vkn(number)
    assert is_tin(number)
    assert not is_tckn(number)


@pytest.mark.parametrize("make", [tckn, vkn])
def test_any_single_wrong_digit_is_noticed(make: object) -> None:
    assert callable(make)
    for n in range(0, 900_000, 90_001):
        number = make(n)
        assert is_tin(number)
        for place, digit in enumerate(number):
            wrong = {
                number[:place] + other + number[place + 1 :]
                for other in "0123456789"
                if other != digit
            }
            assert not any(map(is_tckn if len(number) == 11 else is_vkn, wrong)), (number, place)


def test_numbers_that_were_made_are_good() -> None:
    assert all(is_tckn(tckn(n)) and is_vkn(vkn(n)) and is_mersis(mersis(n)) for n in MANY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "00000000000",
        "01000000146",
        "1000000014",
        "100000001460",
        "1000000014a",
        "1000000014٦",
        " 10000000146",
        "-1000000014",
    ],
)
def test_what_has_another_shape_is_no_tckn(text: str) -> None:
    assert not is_tckn(text)


@pytest.mark.parametrize("text", ["", "123456789", "12345678901", "123456789a", "123456789٠"])
def test_what_has_another_shape_is_no_vkn(text: str) -> None:
    assert not is_vkn(text)


def test_a_mersis_that_begins_with_zero_holds_a_vkn() -> None:
    assert is_mersis("0123456789000015")
    assert not is_mersis("0123456789100015")


def test_of_another_mersis_nothing_but_its_digits_is_asked() -> None:
    assert is_mersis("1234567891234567")


@pytest.mark.parametrize("text", ["", "012345678900001", "01234567890000150", "0123456789000a15"])
def test_what_has_another_shape_is_no_mersis(text: str) -> None:
    assert not is_mersis(text)
