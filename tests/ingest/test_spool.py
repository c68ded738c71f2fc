"""The set of keys with a refusal: small, in order, without repeats, the same after a way over the disk."""

from array import array

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import spool
from services.ingest.spool import KeyHashes

HASHES = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 9), max_size=40)


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "HASHES_A_RUN", 3)  # so that several are merged


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
