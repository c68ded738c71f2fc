"""The numbers that a firm applies with must be possible, and belong together."""

import pytest

from shared.domain.firm_numbers import wrong_numbers
from tests.support.national_ids import mersis, tckn, vkn

UNRELATED = "1" * 16


@pytest.mark.parametrize(
    ("tax_number", "number", "fields"),
    [
        (vkn(1), mersis(1), []),
        (vkn(1), UNRELATED, []),  # not made of a tax number: nothing to compare
        (tckn(1), None, []),
        (tckn(1), mersis(1), []),  # a tradesman may be in the trade register, too
        (vkn(1), None, ["mersis"]),
        (vkn(1), mersis(2), ["mersis"]),
        (vkn(1), f"{mersis(1)}0", ["mersis"]),
        ("1234567891", mersis(1), ["taxNumber"]),
        ("1234567891", None, ["taxNumber"]),
        ("1234567891", "0123456788000019", ["taxNumber", "mersis"]),
    ],
)
def test_what_is_wrong_is_said_field_by_field(
    tax_number: str, number: str | None, fields: list[str]
) -> None:
    found = wrong_numbers(tax_number, number)
    assert [one.field for one in found] == fields
    assert all(one.why for one in found)
