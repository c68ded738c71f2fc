"""One running system for the tests that leave it as it is, and places for systems of a test's own."""

import signal
from collections.abc import Iterator

import pytest

from tests.end_to_end.running import Izin, own_izin


@pytest.fixture
def izin() -> Iterator[Izin]:
    """Return a place where nothing runs yet."""
    with own_izin() as made:
        yield made


@pytest.fixture(scope="session")
def running() -> Iterator[Izin]:
    """Return a system that runs; nobody stops it."""
    with own_izin() as made:
        made.start()
        yield made
        assert made.end(signal.SIGTERM) == 0
