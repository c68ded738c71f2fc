"""The keys with a refusal: a set that is small, and marks that leave out no spelling of an address."""

from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.lanes import refused_keys
from services.ingest.lanes.refused_keys import AddressMarks, KeyHashes, mark_of
from services.ingest.reading.phones import read_phone
from shared.domain.consent import Channel
from shared.domain.recipient import Purpose, read_recipient

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=40)
DIGITS = st.text("0123456789", min_size=7, max_size=10)
WRITTEN = (
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "0", "+90", "90", "0090", "+49", "0049", "+90 (", "'"]),
        DIGITS,
        st.sampled_from(["", ".0", ",0000000", ".0000000", "E+09", "E+9", " ", ")"]),
        st.sampled_from(["", "0", "1", " "]),
    )
    | st.text("+-0123456789.,eE ()'", max_size=20)
    | st.builds("5.{}E+09".format, st.text("0123456789", min_size=9, max_size=9))
)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_keys, "HASHES_A_RUN", 3)  # so that several are merged


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HASHES)
def test_it_holds_what_was_found_and_nothing_else(found: list[int]) -> None:
    hashes = KeyHashes(array("Q", found))
    assert len(hashes) == len(set(found))
    assert all(one in hashes for one in found)
    assert all((n in hashes) == (n in found) for n in range(12))
    again = KeyHashes.of_bytes(hashes.to_bytes())
    assert again.to_bytes() == hashes.to_bytes()
    assert len(hashes.to_bytes()) == 8 * len(set(found))


@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WRITTEN)
def test_no_spelling_of_a_number_has_a_mark_of_its_own(written: str) -> None:
    number = read_phone(written)
    if isinstance(number, str) and written:
        assert mark_of(written) in {None, mark_of(number)}


@pytest.mark.parametrize(
    "written", ["Ali@Mail.Example", " ali@mail.example ", "ALI@MAIL.EXAMPLE\t"]
)
def test_no_spelling_of_an_email_has_a_mark_of_its_own(written: str) -> None:
    read = read_recipient(
        written.strip(), Channel.EMAIL, purpose=Purpose.WRITE, admit_test_range=True
    )
    assert isinstance(read, str)
    assert mark_of(written) == mark_of(read)


def test_marks_tell_of_others_that_they_are_not_there() -> None:
    marks = AddressMarks()
    marks.add("+905991112233")
    marks.add("ali@mail.example")
    again = AddressMarks.of_bytes(marks.to_bytes())
    for written in (
        "+905991112233",
        "05991112233",
        "0599 111 22 33",
        "Ali@mail.example",
        "5,99E+09",
    ):
        assert again.may_hold(written)
    plain = [f"+9059922{n:05}" for n in range(1_000)]
    assert not any(map(again.may_hold, [*plain, None, "", "veli@mail.example"]))
    assert not any(map(AddressMarks.of_bytes(b"").may_hold, plain))
