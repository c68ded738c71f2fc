"""Positions of answers, and what was said of them: histories made by hand."""

import pytest

from tests.torture.history import Brand, Movement, Positioned, RegisterName, Write
from tests.torture.positions import misplaced, torn

ONE: RegisterName = ("consent", 600001, "one")
TWO: RegisterName = ("consent", 600001, "two")


def brand(*movements: tuple[RegisterName, str, float, float | None]) -> Brand:
    """Return a brand with movements: of what, to what, when sent, when acknowledged."""
    return Brand(
        [Movement(name, Write(value, sent, done)) for name, value, sent, done in movements]
    )


def said(position: int, asked: float, answered: float, **seen: str) -> Positioned:
    names = {"one": ONE, "two": TWO}
    return Positioned(
        position, asked, answered, "somebody", {names[name]: value for name, value in seen.items()}
    )


@pytest.mark.parametrize(
    ("position", "fits"), [(0, False), (1, True), (2, True), (3, False)], ids=str
)
def test_a_position_lies_between_what_was_acknowledged_and_what_was_sent(
    position: int, *, fits: bool
) -> None:
    moved = brand((ONE, "ONAY", 0, 1), (ONE, "RET", 2, 9), (ONE, "ONAY", 10, 11))
    moved.positions.append(said(position, 3, 4))
    assert any(misplaced(moved)) is not fits


def test_a_position_never_goes_back() -> None:
    moved = brand((ONE, "ONAY", 0, None))
    moved.positions += [said(1, 1, 2), said(0, 1.5, 3)]
    assert not any(misplaced(moved))
    moved.positions.append(said(0, 4, 5))
    assert len(list(misplaced(moved))) == 1


MOVED = (
    (ONE, "ONAY", 0, 1),
    (TWO, "ONAY", 2, 3),
    (ONE, "RET", 4, 5),
    (TWO, "RET", 6, 7),
)


@pytest.mark.parametrize(
    ("position", "one", "two", "fits"),
    [
        (0, "none", "none", True),
        (1, "ONAY", "none", True),
        (2, "ONAY", "ONAY", True),
        (3, "RET", "ONAY", True),
        (4, "RET", "RET", True),
        (3, "RET", "RET", False),
        (3, "ONAY", "ONAY", False),
        (2, "ONAY", "none", False),
    ],
)
def test_an_answer_is_the_state_at_its_position(
    position: int, one: str, two: str, *, fits: bool
) -> None:
    moved = brand(*MOVED)
    moved.positions.append(said(position, 0, 9, one=one, two=two))
    assert any(torn(moved)) is not fits


@pytest.mark.parametrize(
    ("position", "one", "fits"),
    [(1, "ONAY", True), (2, "ONAY", True), (2, "RET", True), (3, "RET", True), (1, "RET", False)],
)
def test_a_lost_change_may_be_among_those_before(position: int, one: str, *, fits: bool) -> None:
    moved = brand((ONE, "ONAY", 0, 1), (ONE, "RET", 2, None), (TWO, "ONAY", 4, 5))
    moved.positions.append(said(position, 0, 9, one=one))
    assert any(torn(moved)) is not fits


def test_where_movements_were_made_side_by_side_nobody_knows_their_order() -> None:
    moved = brand((ONE, "ONAY", 0, 3), (TWO, "ONAY", 1, 2))
    moved.positions.append(said(1, 0, 9, two="RET"))
    assert not any(torn(moved))
