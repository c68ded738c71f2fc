"""Which brand is next: each is worked on by one at a time, and nobody waits for ever."""

from services.check.projector.schedule_brands import _Queue


def put(queue: _Queue, *brands: int, nudged: bool = False) -> None:
    for brand in brands:
        queue.put(brand, nudged=nudged, thorough=False)


def taken(queue: _Queue) -> int | None:
    following = queue.take()
    return None if following is None else following[0]


def test_a_brand_is_in_one_hand_at_a_time() -> None:
    queue = _Queue(long_turns_max=2)
    put(queue, 1, 1, nudged=True)
    assert taken(queue) == 1
    put(queue, 1, nudged=True)
    put(queue, 1)
    assert taken(queue) is None
    queue.done(1, unfinished=False, thorough=False)
    assert taken(queue) == 1
    queue.done(1, unfinished=False, thorough=False)
    assert taken(queue) is None


def test_who_was_nudged_goes_before_whom_the_look_has_found() -> None:
    queue = _Queue(long_turns_max=2)
    put(queue, *range(100))
    put(queue, 70, 300, nudged=True)
    assert {taken(queue) for _ in range(4)} == {0, 1, 70, 300}
    assert sorted(brand for _ in range(98) if (brand := taken(queue)) is not None) == [
        brand for brand in range(2, 100) if brand != 70
    ]


def test_nudges_without_end_leave_room_for_the_others() -> None:
    queue = _Queue(long_turns_max=2)
    put(queue, 1, 2)
    order = []
    for n in range(12):
        put(queue, 100 + n, 200 + n, nudged=True)
        order.append(taken(queue))
    assert {1, 2} <= set(order)


def test_long_work_goes_on_in_some_hands_and_leaves_the_others_free() -> None:
    queue = _Queue(long_turns_max=1)
    put(queue, 1, 2)
    assert [taken(queue), taken(queue)] == [1, 2]
    for brand in (1, 2):
        queue.done(brand, unfinished=True, thorough=False)
    put(queue, 3, nudged=True)
    assert taken(queue) == 1
    assert taken(queue) == 3
    assert taken(queue) is None, "a second long turn beside the first"
    queue.done(1, unfinished=True, thorough=False)
    assert taken(queue) == 2


def test_a_thorough_turn_stays_thorough_until_it_is_done() -> None:
    queue = _Queue(long_turns_max=1)
    queue.put(1, nudged=False, thorough=True)
    queue.put(1, nudged=True, thorough=False)
    assert queue.take() == (1, True)
    queue.done(1, unfinished=True, thorough=True)
    queue.put(1, nudged=True, thorough=False)
    assert queue.take() == (1, True)
    queue.put(1, nudged=False, thorough=True)
    queue.done(1, unfinished=False, thorough=True)
    assert queue.take() == (1, True)


def test_the_others_get_their_turn_in_whatever_rhythm_long_turns_come() -> None:
    queue = _Queue(long_turns_max=1)
    put(queue, 1, 2)
    assert taken(queue) == 1
    queue.done(1, unfinished=True, thorough=False)
    order = []
    for n in range(24):  # long and short turns alternate
        put(queue, 100 + n, nudged=True)
        brand = taken(queue)
        assert brand is not None
        order.append(brand)
        queue.done(brand, unfinished=brand == 1, thorough=False)
        short = taken(queue)
        if short is not None:
            order.append(short)
            queue.done(short, unfinished=False, thorough=False)
    assert 2 in order


def test_a_brand_that_is_dropped_is_due_no_more() -> None:
    queue = _Queue(long_turns_max=1)
    put(queue, 1, 2)
    assert taken(queue) == 1
    put(queue, 1, nudged=True)
    queue.done(1, unfinished=False, thorough=False)
    queue.drop(1)
    assert [taken(queue), taken(queue)] == [2, None]
