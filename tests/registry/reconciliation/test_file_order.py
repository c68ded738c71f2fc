"""The order of the file is that of a plain sort, however crowded a second is, however extents are paged."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.registry.reconciliation import file_order
from services.registry.reconciliation.file_order import PAGE, Place, in_file_order
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import transaction_id
from shared.ledger.span import Extent

BRAND = 7
BEGIN = datetime(2026, 3, 1, 21, tzinfo=UTC)


def extents(sizes: Sequence[tuple[float, int]]) -> list[Extent]:
    """Return extents of these sizes, each so many seconds after the beginning."""
    made, base = list[Extent](), 0
    for n, (seconds, size) in enumerate(sizes, 100):
        made.append(Extent(n, n * 977, base, size, BEGIN + timedelta(seconds=seconds)))
        base += size
    return made


async def paged(found: list[Extent], size: int) -> AsyncIterator[list[Extent]]:
    for at in range(0, len(found), size):
        yield found[at : at + size]


async def ordered(found: list[Extent], *, page: int = 3) -> list[list[Place]]:
    return [places async for places in in_file_order(BRAND, paged(found, page))]


def plainly(found: list[Extent]) -> list[Place]:
    places = [(extent, offset) for extent in found for offset in range(1, extent.size + 1)]
    return sorted(places, key=as_written)


def as_written(place: Place) -> tuple[str, str]:
    extent, offset = place
    number = transaction_id(BRAND, extent.extent_id, extent.nonce, offset)
    return consent_date_to_wire(extent.created_at), number


CROWD = PAGE + 700


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [(0, 1)],
        [(0.0, 3), (0.3, 2), (0.999999, 5), (1.0, 1), (1.5, 4), (80_000, 2)],
        [(n / 3, 1) for n in range(500)],
        [(0, 5), (1, CROWD), (1.2, 9), (2, 5)],
        [(0, CROWD)],
        [(0.1 * n, 900) for n in range(25)],
    ],
    ids=["nothing", "one", "few", "sparse", "crowd between", "crowd", "crowds of several extents"],
)
@pytest.mark.parametrize("page", [1, 3, 1000])
async def test_places_come_in_the_order_of_a_plain_sort(
    sizes: list[tuple[float, int]], page: int
) -> None:
    found = extents(sizes)
    pages = await ordered(found, page=page)
    assert [place for places in pages for place in places] == plainly(found)
    assert all(len(places) < 2 * PAGE for places in pages)


async def test_a_second_that_is_too_large_for_one_pass_takes_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file_order, "ROWS_A_PASS", 1000)
    found = extents([(0, CROWD), (0.5, CROWD), (1, 3)])
    pages = await ordered(found)
    assert [place for places in pages for place in places] == plainly(found)
