"""Telephone numbers as people write them: read as the one number that they are, or refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.faults.row_codes import RowCode
from services.ingest.reading.phones import read_phone

MOBILE = "+905991112233"
UNREADABLE, ROUNDED = RowCode.PHONE_UNREADABLE, RowCode.PHONE_ROUNDED


@pytest.mark.parametrize(
    "written",
    [
        "+905991112233",
        "05991112233",
        "5991112233",
        "905991112233",
        "00905991112233",
        "0599 111 22 33",
        "599 111 22 33",
        "+90 599 111 22 33",
        "+90 (599) 111-22-33",
        "+90 (0)599 111 22 33",
        "(+90) 599 111 22 33",
        "0(599)1112233",
        "0599.111.22.33",
        "0599.1112233",
        "0599/111 22 33",
        "0599\u00a0111\u00a022\u00a033",
        "\u202a+90\u2011599\u2011111\u201122\u201133\u202c",
        "+90 0599 111 22 33",
        "0090 0599 111 22 33",
        "'05991112233",
        "  0599 111 22 33\t",
        "5991112233.0",
        "5991112233,00",
        "905991112233.0",
        "5.991112233E+09",
        "5,991112233E+9",
        "9.05991112233E+11",
    ],
)
def test_a_turkish_mobile_is_known_however_it_is_written(written: str) -> None:
    assert read_phone(written) == MOBILE


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0212 555 44 33", "+902125554433"),
        ("212 555 44 33", "+902125554433"),
        ("+90 312 555 44 33", "+903125554433"),
        ("0850 222 00 00", "+908502220000"),
        ("+49 151 12345678", "+4915112345678"),
        ("0049 151 12345678", "+4915112345678"),
        ("+1 (201) 555-0123", "+12015550123"),
        ("+12015550123", "+12015550123"),
    ],
)
def test_land_lines_and_foreign_numbers_are_known_by_their_codes(written: str, number: str) -> None:
    assert read_phone(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "111 22 33",
        "444 0 444",
        "599 111 22 3",
        "0599 111 22 334",
        "90599111223",
        "8502220000",  # a land line without its zero, or anything
        "2015550123 dahili 4",
        "0599 111 22 33, 0599 111 22 34",
        "0599 111 22 33/34",
        "+5991112233",  # a Turkish mobile without its country, or a number of Curaçao
        "+599 111 22 33",
        "005991112233",
        "0045 12 34 56 78",  # a number of Denmark, or a zero too many
        "5991112233.5",
        "0599111223.3",
        "599111.2233",
        "1 201 555 0123",
        "٠٥٩٩١١١٢٢٣٣",
        "0599 111 22 3O",
        "=1+1",
        "#N/A",
        "ali@example.com",
    ],
)
def test_what_can_be_read_in_two_ways_or_none_is_refused(written: str) -> None:
    assert read_phone(written) is UNREADABLE


@pytest.mark.parametrize(
    "written", ["5,99E+09", "5.99E+09", "5.99111E+09", "9,05991E+11", "6E+9", "5.991112233E+10"]
)
def test_what_a_spreadsheet_has_rounded_is_refused_as_such(written: str) -> None:
    assert read_phone(written) is ROUNDED


@given(st.text("0123456789+ -().,/eE\u00a0", max_size=20))
def test_no_digit_is_ever_made_up_or_lost(written: str) -> None:
    read = read_phone(written)
    if isinstance(read, str):
        of_number, of_text = (
            "".join(c for c in text.upper().partition("E")[0] if c.isdigit())
            for text in (read, written)
        )
        assert of_number.removeprefix("90").lstrip("0") in of_text


@given(st.from_regex(r"\+90599[0-9]{7}", fullmatch=True), st.text(" -().\u00a0", max_size=3))
def test_signs_between_the_digits_change_nothing(number: str, sign: str) -> None:
    national = number.removeprefix("+90")
    spelled = "0" + sign.join((national[:3], national[3:6], national[6:8], national[8:]))
    assert read_phone(spelled) == number
