"""How a projector tells a load from the usual, and when it has waited long enough."""

from services.check.projector.rush import (
    CALM_S,
    LOOK_AGAIN_S,
    MOVEMENTS_A_SECOND_MIN,
    RUSH_S_MAX,
    Rushes,
)

BRAND, OTHER = 600001, 600002
FAST = round(2 * MOVEMENTS_A_SECOND_MIN * LOOK_AGAIN_S)
SLOW = round(MOVEMENTS_A_SECOND_MIN * CALM_S / 3)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_brand_is_waited_for_as_long_as_it_moves_fast() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    position = 10_000
    assert rushes.goes_on(BRAND, position), "nobody knows at first sight"
    for _ in range(20):
        clock.now += LOOK_AGAIN_S
        position += FAST
        assert rushes.goes_on(BRAND, position)
    clock.now += 1.01 * CALM_S
    assert not rushes.goes_on(BRAND, position + SLOW)
    for _ in range(20):
        clock.now += LOOK_AGAIN_S
        position += FAST * 10
        assert not rushes.goes_on(BRAND, position), "it is being built now"
    rushes.end(BRAND)
    assert rushes.goes_on(BRAND, position), "this is another rush"


def test_who_is_seldom_asked_judges_by_what_has_moved_since() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    assert rushes.goes_on(BRAND, 0)
    clock.now += 10
    assert rushes.goes_on(BRAND, 10 * MOVEMENTS_A_SECOND_MIN)
    clock.now += 10
    assert not rushes.goes_on(BRAND, 10 * MOVEMENTS_A_SECOND_MIN)


def test_it_must_be_calm_for_a_moment() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    assert rushes.goes_on(BRAND, 0)
    clock.now += CALM_S * 0.7
    assert rushes.goes_on(BRAND, 0)
    clock.now += CALM_S * 0.7
    assert not rushes.goes_on(BRAND, 0)


def test_between_two_steps_a_load_is_not_over() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    position = 0
    for look in range(30):
        assert rushes.goes_on(BRAND, position)
        clock.now += CALM_S / 2
        position += 10_000 * (look % 2)


def test_brands_are_waited_for_each_by_itself() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    assert rushes.goes_on(BRAND, 0)
    assert rushes.goes_on(OTHER, 0)
    clock.now += 1.01 * CALM_S
    assert rushes.goes_on(BRAND, 2 * FAST)
    assert not rushes.goes_on(OTHER, SLOW)


def test_nobody_is_waited_for_for_ever() -> None:
    clock = Clock()
    rushes = Rushes(clock)
    position, waited_s = 0, 0.0
    while rushes.goes_on(BRAND, position):
        clock.now += LOOK_AGAIN_S
        waited_s += LOOK_AGAIN_S
        position += FAST
    assert RUSH_S_MAX - LOOK_AGAIN_S < waited_s < RUSH_S_MAX + 2 * LOOK_AGAIN_S
