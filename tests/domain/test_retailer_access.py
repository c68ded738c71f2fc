"""Changes of access: how a call is read, and who may use a consent afterwards (iys-api 6)."""

from typing import Any

import pytest

from shared.domain.consent import Channel, RecipientType
from shared.domain.faults import ABSENT
from shared.domain.read_access_change import (
    AccessCall,
    AccessChange,
    AccessReading,
    read_access_change,
)
from shared.domain.retailer_access import Access, after_change

RETAILERS = [40000017, 40000025]
ONE: dict[str, Any] = {
    "type": "MESAJ",
    "recipientType": "BIREYSEL",
    "recipient": "+905990000001",
    "retailerAccess": RETAILERS,
}
MANY: dict[str, Any] = {
    "type": "EPOSTA",
    "recipientType": "TACIR",
    "recipients": ["a@posta.example", "B@posta.example"],
    "retailerAccess": RETAILERS,
}
BODY = {
    AccessCall.GRANT: ONE,
    AccessCall.REPLACE: MANY,
    AccessCall.REMOVE: MANY,
    AccessCall.REMOVE_ALL: MANY,
}
LISTS = [AccessCall.REPLACE, AccessCall.REMOVE, AccessCall.REMOVE_ALL]
WITH_RETAILERS = [AccessCall.GRANT, AccessCall.REPLACE, AccessCall.REMOVE]


def read(body: object, call: AccessCall) -> AccessReading:
    return read_access_change(body, call=call, admit_test_range=True)


def faults(body: object, call: AccessCall) -> list[tuple[str, tuple[str | int, ...], object]]:
    reading = read(body, call)
    assert reading.change is None
    return [(fault.code, fault.location, fault.value) for fault in reading.faults]


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def test_a_grant_is_about_one_address() -> None:
    assert read(ONE, AccessCall.GRANT) == AccessReading(
        AccessCall.GRANT,
        Channel.SMS,
        AccessChange(
            AccessCall.GRANT,
            Channel.SMS,
            RecipientType.INDIVIDUAL,
            ("+905990000001",),
            (40000017, 40000025),  # type: ignore[arg-type]  # new types of int
        ),
        (),
    )


@pytest.mark.parametrize("call", LISTS)
def test_the_other_calls_are_about_many(call: AccessCall) -> None:
    change = read(MANY, call).change
    assert change is not None
    assert change.recipients == ("a@posta.example", "b@posta.example")
    assert change.retailers == (() if call is AccessCall.REMOVE_ALL else tuple(RETAILERS))


@pytest.mark.parametrize("call", LISTS)
def test_an_address_may_stand_there_twice_and_counts_once(call: AccessCall) -> None:
    change = read(MANY | {"recipients": ["a@posta.example", "A@posta.example"]}, call).change
    assert change is not None
    assert change.recipients == ("a@posta.example",)


@pytest.mark.parametrize("call", AccessCall)
def test_unknown_properties_are_left_alone(call: AccessCall) -> None:
    assert read(BODY[call] | {"note": "x"}, call).change is not None


UNUSABLE = {
    AccessCall.GRANT: "H090",
    AccessCall.REPLACE: "H171",
    AccessCall.REMOVE: "H172",
    AccessCall.REMOVE_ALL: "H172",
}


@pytest.mark.parametrize("call", AccessCall)
@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_what_is_no_object_is_no_call(call: AccessCall, body: object) -> None:
    assert faults(body, call) == [(UNUSABLE[call], (), ABSENT)]


@pytest.mark.parametrize("call", AccessCall)
def test_words_are_missing_or_unknown(call: AccessCall) -> None:
    body = BODY[call]
    assert faults(without(body, "type"), call) == [("H111", ("type",), ABSENT)]
    assert faults(body | {"type": "SMS"}, call) == [("H117", ("type",), "SMS")]
    missing = [("H170", ("recipientType",), ABSENT)]
    assert faults(without(body, "recipientType"), call) == missing
    assert faults(body | {"recipientType": None}, call) == [("H116", ("recipientType",), None)]


@pytest.mark.parametrize("call", AccessCall)
def test_somebody_must_be_named(call: AccessCall) -> None:
    name = "recipient" if call is AccessCall.GRANT else "recipients"
    assert faults(without(BODY[call], name), call) == [("H168", ("recipients",), ABSENT)]


@pytest.mark.parametrize("call", LISTS)
def test_the_list_of_addresses_is_one_of_up_to_a_hundred(call: AccessCall) -> None:
    wrong: list[object] = [None, "x", 5, {}]
    for value in wrong:
        found = faults(MANY | {"recipients": value}, call)
        assert found == [("H478", ("recipients",), value)]
    assert faults(MANY | {"recipients": []}, call) == [("H164", ("recipients",), [])]
    many = [f"p{n}@posta.example" for n in range(101)]
    assert faults(MANY | {"recipients": many}, call) == [("H127", ("recipients",), many)]
    change = read(MANY | {"recipients": many[:100]}, call).change
    assert change is not None
    assert len(change.recipients) == 100


@pytest.mark.parametrize("call", LISTS)
def test_each_bad_address_of_a_list_is_named_by_its_place(call: AccessCall) -> None:
    body = MANY | {"recipients": ["x", "a@posta.example", 7, "+905990000001"]}
    assert faults(body, call) == [
        ("H120", ("recipients", 0), "x"),
        ("H120", ("recipients", 2), 7),
        ("H464", ("recipients", 3), "+905990000001"),
    ]


def test_the_bad_address_of_a_grant_is_the_recipient() -> None:
    assert faults(ONE | {"recipient": "x"}, AccessCall.GRANT) == [("H121", ("recipient",), "x")]
    assert faults(ONE | {"recipient": None}, AccessCall.GRANT) == [("H121", ("recipient",), None)]
    long = "+9055432132322132"
    assert faults(ONE | {"recipient": long}, AccessCall.GRANT) == [
        ("H160", ("recipient",), long),
        ("H121", ("recipient",), long),
    ]


def test_while_the_channel_is_unknown_no_address_is_bad() -> None:
    body = MANY | {"type": "?", "recipients": ["x"]}
    assert faults(body, AccessCall.REPLACE) == [("H117", ("type",), "?")]
    assert read(body, AccessCall.REPLACE).channel is None


@pytest.mark.parametrize("call", WITH_RETAILERS)
def test_retailers_are_a_list_of_up_to_a_hundred_codes(call: AccessCall) -> None:
    body = BODY[call]
    place = ("retailerAccess",)
    assert faults(without(body, "retailerAccess"), call) == [("H169", place, ABSENT)]
    wrong: list[object] = [[], None, "40000017", {}]
    for value in wrong:
        assert faults(body | {"retailerAccess": value}, call) == [("H163", place, value)]
    many = [40000000 + n for n in range(101)]
    assert faults(body | {"retailerAccess": many}, call) == [("H126", place, many)]
    assert faults(body | {"retailerAccess": [1]}, call) == [("H180", (*place, 0), 1)]
    twice = [40000017, "40000017"]
    assert faults(body | {"retailerAccess": twice}, call) == [("H193", (*place, 1), "40000017")]


def test_a_removal_of_all_needs_no_retailers() -> None:
    assert read(without(MANY, "retailerAccess"), AccessCall.REMOVE_ALL).change is not None


def test_faults_come_in_the_order_of_the_fields() -> None:
    assert [code for code, _, _ in faults({}, AccessCall.GRANT)] == ["H111", "H170", "H168", "H169"]
    assert [code for code, _, _ in faults({}, AccessCall.REMOVE_ALL)] == ["H111", "H170", "H168"]


COLLECTED = Access(1, frozenset({2, 3}))


def test_a_grant_adds() -> None:
    assert after_change(COLLECTED, AccessCall.GRANT, {4}) == Access(1, frozenset({2, 3, 4}))
    assert after_change(COLLECTED, AccessCall.GRANT, {2}) == COLLECTED


def test_a_replacement_leaves_nobody_else_not_even_the_collector() -> None:
    assert after_change(COLLECTED, AccessCall.REPLACE, {4}) == Access(None, frozenset({4}))
    assert after_change(COLLECTED, AccessCall.REPLACE, {1}) == Access(None, frozenset({1}))


def test_a_removal_takes_from_both_places() -> None:
    assert after_change(COLLECTED, AccessCall.REMOVE, {2, 9}) == Access(1, frozenset({3}))
    assert after_change(COLLECTED, AccessCall.REMOVE, {1}) == Access(None, frozenset({2, 3}))
    nobody = Access(None, frozenset())
    assert after_change(nobody, AccessCall.REMOVE, {1}) == nobody


def test_a_removal_of_all_leaves_nobody() -> None:
    assert after_change(COLLECTED, AccessCall.REMOVE_ALL, set()) == Access(None, frozenset())


def test_everybody_is_the_collector_and_the_list() -> None:
    assert COLLECTED.everybody == {1, 2, 3}
    assert Access(None, frozenset({2})).everybody == {2}
