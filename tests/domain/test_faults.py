"""The table of faults."""

from dataclasses import FrozenInstanceError

import pytest

from shared.domain.consent import Status
from shared.domain.faults import (
    ABSENT,
    AlreadyInThatStatus,
    Fault,
    RuleBrokenError,
    StatusMissing,
    StatusUnknown,
)

CODES = [
    "H001",
    "H014",
    "H018",
    "H085",
    "H097",
    "H015",
    "H101",
    "H103",
    "H123",
    "H124",
    "H084",
    "H190",
    "H191",
    "H267",
    "H266",
    "H351",
    "H353",
    "H355",
    "H363",
    "H520",
    "H521",
    "H524",
    "H525",
    "H586",
    "H110",
    "H111",
    "H112",
    "H113",
    "H114",
    "H115",
    "H116",
    "H117",
    "H118",
    "H119",
    "H120",
    "H121",
    "H122",
    "H155",
    "H156",
    "H157",
    "H158",
    "H160",
    "H162",
    "H166",
    "H170",
    "H163",
    "H126",
    "H180",
    "H174",
    "H175",
    "H178",
    "H462",
    "H463",
    "H464",
    "H467",
    "H486",
    "H408",
    "H401",
    "H164",
    "H168",
    "H478",
    "H127",
    "H193",
    "H194",
    "H192",
    "H470",
]


def test_every_code_has_one_class_and_every_class_a_code() -> None:
    of_this_table = [f for f in Fault.__subclasses__() if f.__module__ == Fault.__module__]
    assert sorted(fault.code for fault in of_this_table) == sorted(CODES)


def test_every_class_says_what_it_claims() -> None:
    assert all(fault.__doc__ and fault.__doc__.strip() for fault in Fault.__subclasses__())


def test_a_fault_is_a_value() -> None:
    assert StatusMissing(("status",)) == StatusMissing(("status",), ABSENT)
    one: Fault = StatusMissing()
    assert one != StatusUnknown()
    with pytest.raises(FrozenInstanceError):
        StatusMissing().value = 1  # type: ignore[misc]  # what the test is about


def test_a_fault_carries_the_facts_of_its_message() -> None:
    fault = AlreadyInThatStatus(current=Status.WITHDRAWN)
    assert (fault.code, fault.current) == ("H174", Status.WITHDRAWN)


def test_an_error_keeps_its_faults_in_order_and_shows_codes_only() -> None:
    error = RuleBrokenError(StatusUnknown(("status",), "a secret"), StatusMissing())
    assert [fault.code for fault in error.faults] == ["H115", "H110"]
    assert str(error) == "H115, H110"
