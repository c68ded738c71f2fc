"""The order of rights."""

from itertools import product

import pytest

from shared.domain.rights import Right, Role


@pytest.mark.parametrize(("held", "wanted"), list(product(Right, Right)))
def test_a_right_allows_itself_and_every_lesser_one(held: Right, wanted: Right) -> None:
    order = [Right.NONE, Right.READ, Right.WRITE]
    assert held.allows(wanted) is (order.index(held) >= order.index(wanted))


def test_roles_and_rights_are_spelt_in_lower_case() -> None:
    assert [right.value for right in Right] == ["none", "read", "write"]
    assert {role.value for role in Role} == {"provider", "partner", "operator", "ministry", "admin"}
